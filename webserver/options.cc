#include "webserver/options.h"

#include <algorithm>

#include "base/text.h"

namespace berth::webserver {
namespace {

Result<std::int64_t> number(std::string_view name, std::string_view text, std::int64_t least,
                            std::int64_t most) {
  const auto value = parse_integer(text);
  if (!value || *value < least || *value > most)
    return fail(Errc::kMalformed, "{} '{}': a number from {} to {} expected", name, text, least, most);
  return *value;
}

Result<std::optional<std::uint16_t>> port(std::string_view name, std::string_view text) {
  if (text == "off") return std::nullopt;
  BERTH_TRY(const auto value, number(name, text, 0, 65535));
  return static_cast<std::uint16_t>(value);
}

}  // namespace

std::string_view version() { return BERTH_VERSION; }

std::string_view usage() {
  return "berth-webserver --root DIR --http PORT --https PORT [--bind ADDRESS] [--reactors N] [--uid N --gid "
         "N]\n"
         "  PORT      0: the kernel chooses; off: not at all\n"
         "  --bind    address to listen on; default: all, IPv4 and IPv6\n"
         "  --reactors  threads; default: one per core\n"
         "  --uid --gid  become this user once the ports are bound\n"
         "  --listeners FD  the sockets of the webserver that this one follows come by this descriptor\n"
         "  --version\n"
         "Everything else comes from the manager through DIR/run/berth/apps/control.sock.\n";
}

Result<Options> parse_options(std::span<const char* const> arguments, unsigned cores) {
  Options options;
  options.reactors = std::clamp(cores, 1U, 64U);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--help" || name == "-h") {
      options.help = true;
      return options;
    }
    if (name == "--version") {
      options.version = true;
      return options;
    }
    if (i + 1 == arguments.size())
      return fail(Errc::kMalformed, "{}: unknown, or its value is missing", name);
    const std::string_view value = arguments[++i];
    if (name == "--root") {
      options.root = value;
    } else if (name == "--http") {
      BERTH_TRY(options.http, port(name, value));
    } else if (name == "--https") {
      BERTH_TRY(options.https, port(name, value));
    } else if (name == "--bind") {
      options.bind = value;
    } else if (name == "--reactors") {
      BERTH_TRY(const auto count, number(name, value, 1, 64));
      options.reactors = static_cast<unsigned>(count);
    } else if (name == "--listeners") {
      BERTH_TRY(const auto descriptor, number(name, value, 3, 1 << 20));
      options.listeners = static_cast<int>(descriptor);
    } else if (name == "--uid") {
      BERTH_TRY(const auto id, number(name, value, 0, 0xfffffffe));
      options.uid = static_cast<uid_t>(id);
    } else if (name == "--gid") {
      BERTH_TRY(const auto id, number(name, value, 0, 0xfffffffe));
      options.gid = static_cast<gid_t>(id);
    } else {
      return fail(Errc::kMalformed, "{}: unknown argument", name);
    }
  }
  if (options.root.empty()) return fail(Errc::kMalformed, "--root is missing");
  if (!options.http && !options.https) return fail(Errc::kMalformed, "--http and --https are both off");
  if (options.uid.has_value() != options.gid.has_value())
    return fail(Errc::kMalformed, "--uid and --gid belong together");
  return options;
}

}  // namespace berth::webserver
