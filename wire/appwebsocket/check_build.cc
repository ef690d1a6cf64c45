#include "wire/appwebsocket/check_build.h"

#include <algorithm>

namespace berth::appwebsocket {
namespace {

bool is_hex(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

}  // namespace

std::optional<std::string> check_build(std::string_view url, std::string_view build) {
  const auto path_end = std::min(url.find_first_of("?#"), url.size());
  const auto scheme_end = url.find("://");
  const auto authority = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
  const auto path_begin = scheme_end == std::string_view::npos ? 0 : url.find('/', authority);
  if (build.empty() || path_begin >= path_end) return std::nullopt;
  const auto path = url.substr(path_begin, path_end - path_begin);
  const auto file = path.rfind('/');
  if (file == std::string_view::npos) return std::nullopt;
  const auto folder = file == 0 ? std::string_view::npos : path.rfind('/', file - 1);
  const auto last = folder == std::string_view::npos ? "" : path.substr(folder + 1, file - folder - 1);
  if (last == build) return std::nullopt;
  std::string out(url.substr(0, path_begin));
  out += path.substr(0, is_hex(last) ? folder + 1 : file + 1);
  out += build;
  out += path.substr(file);
  out += url.substr(path_end);
  return out;
}

}  // namespace berth::appwebsocket
