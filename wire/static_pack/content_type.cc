#include <array>
#include <utility>

#include "wire/static_pack/writer.h"

namespace berth::static_pack {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 46> kTypes{{
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"xml", "text/xml; charset=utf-8"},
    {"xsl", "text/xsl; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json; charset=utf-8"},
    {"map", "application/json; charset=utf-8"},
    {"webmanifest", "application/manifest+json; charset=utf-8"},
    {"ico", "image/x-icon"},
    {"bin", "application/octet-stream"},
    {"jar", "application/java-archive"},
    {"png", "image/png"},
    {"gif", "image/gif"},
    {"bmp", "image/bmp"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"webp", "image/webp"},
    {"svg", "image/svg+xml; charset=utf-8"},
    {"pdf", "application/pdf"},
    {"wav", "audio/wav"},
    {"ogg", "audio/ogg"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"txt", "text/plain; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"soap", "application/soap+xml; charset=utf-8"},
    {"ttf", "font/ttf"},
    {"eot", "application/vnd.ms-fontobject"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"wasm", "application/wasm"},
    {"g711a", "audio/g711a"},
    {"g711u", "audio/g711u"},
    {"g722", "audio/g722"},
    {"g729", "audio/g729"},
    {"opus-nb", "audio/opus-nb"},
    {"opus-wb", "audio/opus-wb"},
    {"pem", "application/x-pem-file"},
    {"mobileconfig", "application/x-apple-aspen-config"},
    {"appcache", "text/cache-manifest; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"gz", "application/gzip"},
    {"zip", "application/zip"},
}};

}  // namespace

std::string_view content_type_of(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return "";
  for (const auto& [suffix, type] : kTypes)
    if (name.substr(dot + 1) == suffix) return type;
  return "";
}

bool is_compressible(std::string_view type) {
  return type.starts_with("text/") || type.starts_with("application/json") ||
         type.starts_with("application/wasm") || type.find("+xml") != std::string_view::npos ||
         type.find("+json") != std::string_view::npos || type == "image/bmp" || type == "image/x-icon" ||
         type == "font/ttf" || type == "application/vnd.ms-fontobject";
}

}  // namespace berth::static_pack
