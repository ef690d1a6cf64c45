#include "manager/instances/names.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace berth::manager {
namespace {

bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// How a byte is shown in a message: printable as itself, else in hex.
std::string show(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte < 0x7f ? fmt::format("'{}'", c)
         : c == ' '                 ? "a space"
                                    : fmt::format("byte 0x{:02x}", byte);
}

// C1 control characters and the line and paragraph separators, in UTF-8.
bool has_odd_unicode(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const auto a = static_cast<unsigned char>(text[i]), b = static_cast<unsigned char>(text[i + 1]);
    if (a == 0xc2 && b >= 0x80 && b <= 0xa0) return true;
    if (a == 0xe2 && b == 0x80 && i + 2 < text.size()) {
      const auto c = static_cast<unsigned char>(text[i + 2]);
      if ((c >= 0x80 && c <= 0x8f) || (c >= 0xa8 && c <= 0xaf)) return true;  // spaces, marks of direction
    }
    if (a == 0xef && b == 0xbb && i + 2 < text.size() && static_cast<unsigned char>(text[i + 2]) == 0xbf)
      return true;
  }
  return false;
}

Result<void> check_segment(std::string_view text, std::string_view what) {
  if (!is_valid_utf8(text)) return fail(Errc::kMalformed, "{} is not valid UTF-8", what);
  if (has_odd_unicode(text)) return fail(Errc::kMalformed, "{} has an invisible character", what);
  constexpr std::string_view kForbidden = " /@?#%\\\"'<>{}|^`[]$;*&";
  for (const char c : text)
    if (is_control(c) || kForbidden.find(c) != std::string_view::npos)
      return fail(Errc::kMalformed, "{} must not contain {}", what, show(c));
  if (text == "." || text == "..") return fail(Errc::kMalformed, "{} must not be \"{}\"", what, text);
  return {};
}

}  // namespace

Result<void> check_service_id(std::string_view id) {
  if (id.empty()) return fail(Errc::kMalformed, "service id is empty");
  if (id.size() > 63) return fail(Errc::kTooLarge, "service id has {} bytes, 63 are allowed", id.size());
  if (!is_ascii_letter(id[0]) && !is_digit(id[0]))
    return fail(Errc::kMalformed, "service id must begin with a letter or digit");
  for (const char c : id)
    if (!is_ascii_letter(c) && !is_digit(c) && c != '-' && c != '_' && c != '.')
      return fail(Errc::kMalformed, "service id must not contain {}", show(c));
  constexpr std::array<std::string_view, 6> kOurs = {"manager",    "webserver",  "postgres",
                                                     "postgresql", "core_dumps", "capture"};
  if (std::find(kOurs.begin(), kOurs.end(), id) != kOurs.end())
    return fail(Errc::kExists, "\"{}\" is the platform's own name", id);
  return {};
}

Result<void> check_instance_name(std::string_view name) {
  if (name.empty()) return fail(Errc::kMalformed, "name is empty");
  if (name.size() > kMaxInstanceName)
    return fail(Errc::kTooLarge, "name has {} bytes, {} are allowed", name.size(), kMaxInstanceName);
  return check_segment(name, "name");
}

Result<void> check_domain(std::string_view domain) {
  if (domain.empty()) return {};
  if (domain.size() > kMaxDomain)
    return fail(Errc::kTooLarge, "domain has {} bytes, {} are allowed", domain.size(), kMaxDomain);
  for (const auto label : split(domain, '.')) {
    if (label.empty()) return fail(Errc::kMalformed, "domain has an empty part between dots");
    if (label.size() > 63) return fail(Errc::kTooLarge, "domain part \"{}\" is longer than 63 bytes", label);
    for (const char c : label)
      if (!is_ascii_letter(c) && !is_digit(c) && c != '-' && c != '_')
        return fail(Errc::kMalformed,
                    "domain must not contain {} (write international names in their xn-- form)", show(c));
    if (label.front() == '-' || label.back() == '-')
      return fail(Errc::kMalformed, "domain part \"{}\" begins or ends with '-'", label);
  }
  return {};
}

Result<std::string> normalise_path(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty()) return fail(Errc::kConflict, "path \"/\" belongs to the manager");
  if (path.size() + 1 > kMaxPath)
    return fail(Errc::kTooLarge, "path has {} bytes, {} are allowed", path.size() + 1, kMaxPath);
  const auto parts = split(path, '/');
  for (const auto part : parts) {
    if (part.empty()) return fail(Errc::kMalformed, "path has an empty part between slashes");
    if (auto checked = check_segment(part, "path"); !checked)
      return tl::unexpected(std::move(checked.error()));
  }
  if (parts.front() == "manager") return fail(Errc::kConflict, "paths below /manager belong to the manager");
  return "/" + std::string(path);
}

std::string suggest_path(std::string_view domain, std::string_view name) {
  return domain.empty() ? fmt::format("/{}", name) : fmt::format("/{}/{}", domain, name);
}

Result<void> check_password(std::string_view password) {
  if (password.empty()) return fail(Errc::kMalformed, "password is empty");
  if (password.size() > kMaxPassword)
    return fail(Errc::kTooLarge, "password has {} bytes, {} are allowed", password.size(), kMaxPassword);
  if (!is_valid_utf8(password)) return fail(Errc::kMalformed, "password is not valid UTF-8");
  if (std::any_of(password.begin(), password.end(), is_control))
    return fail(Errc::kMalformed, "password has a control character");
  return {};
}

std::string instance_key(std::string_view name, std::string_view domain) {
  return fmt::format("{}@{}", name, domain);
}

}  // namespace berth::manager
