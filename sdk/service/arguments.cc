#include <charconv>
#include <cstdlib>

#include "base/flight_recorder.h"
#include "base/text.h"
#include "berth/app_service.h"

namespace berth::sdk {
namespace {

Result<std::int64_t> parse_number(std::string_view name, std::string_view text, std::int64_t least,
                                  std::int64_t most) {
  const auto value = parse_integer(text);
  if (!value || *value < least || *value > most)
    return fail(Errc::kMalformed, "{}: a number from {} to {} expected, not \"{}\"", name, least, most, text);
  return *value;
}

}  // namespace

Result<ServiceArguments> parse_service_arguments(int argc, const char* const* argv) {
  ServiceArguments out;
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    std::string_view value;
    if (const auto equals = name.find('='); equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    } else {
      return fail(Errc::kMalformed, "{} needs a value", name);
    }
    if (name == "--service") {
      out.service = value;
    } else if (name == "--manager") {
      out.manager = value;
    } else if (name == "--log-dir") {
      out.log_dir = value;
    } else if (name == "--log-file-size") {
      BERTH_TRY(const auto bytes, parse_number(name, value, 4096, std::int64_t{1} << 40));
      out.log_file_bytes = static_cast<std::uint64_t>(bytes);
    } else if (name == "--log-files") {
      BERTH_TRY(const auto files, parse_number(name, value, 1, 100));
      out.log_files = static_cast<int>(files);
    } else if (name == "--log-flags") {
      const bool is_hex = value.starts_with("0x");
      const auto digits = is_hex ? value.substr(2) : value;
      const auto end = digits.data() + digits.size();
      const auto [stop, error] = std::from_chars(digits.data(), end, out.log_flags, is_hex ? 16 : 10);
      if (error != std::errc() || stop != end)
        return fail(Errc::kMalformed, "--log-flags: a number expected");
    } else if (name == "--disable-hexdumps") {
      if (value != "true" && value != "false")
        return fail(Errc::kMalformed, "--disable-hexdumps: true or false");
      out.disable_hexdumps = value == "true";
    } else if (name == "--db") {
      out.db = value;
      out.alone = true;
    } else if (name == "--port") {
      BERTH_TRY(const auto port, parse_number(name, value, 0, 65535));
      out.port = static_cast<int>(port);
      out.alone = true;
    } else if (name == "--name") {
      out.name = value;
    } else if (name == "--domain") {
      out.domain = value;
    } else if (name == "--password-file") {
      out.password_file = value;
    } else if (name == "--webserver") {
      out.webserver = value;
    } else {
      return fail(Errc::kMalformed, "unknown option {}", name);
    }
  }
  if (const char* bytes = ::getenv("BERTH_FLIGHT_RECORDER")) {
    BERTH_TRY(const auto number,
              parse_number("BERTH_FLIGHT_RECORDER", bytes, 0, std::int64_t{kFlightLargest}));
    out.flight_recorder_bytes = static_cast<std::size_t>(number);
  }
  if (out.alone && !out.manager.empty())
    return fail(Errc::kMalformed, "--manager and --db or --port exclude each other");
  if (!out.alone && out.manager.empty())
    return fail(Errc::kMalformed, "either --manager SOCKET, or --port N [--db CONNINFO] to run alone");
  return out;
}

}  // namespace berth::sdk
