// What answers a GET or HEAD for a packed file: conditions, ranges, codings, caching (RFC 9110, 9111).
#pragma once

#include <string>
#include <string_view>

#include "webserver/http/static_pack.h"
#include "wire/http1/head.h"

namespace berth::webserver {

struct StaticFile {
  const static_pack::Entry* entry = nullptr;  // null: not in the pack
  bool is_immutable = false;                  // asked for below the running build's directory
};

// `relative`: path below the attach. A first part of hexadecimal digits is a build directory unless a file
// stands there; `build` is the running one.
StaticFile find_static(const StaticPack& pack, std::string_view relative, std::string_view build);

struct StaticAnswer {
  int status = 200;
  http1::Headers headers;  // with content-length where one belongs
  ByteView body;           // part of the pack; also for HEAD, which does not send it
};
// Several ranges are answered with the whole file, which RFC 9110 section 14.2 allows.
StaticAnswer answer_static(const http1::RequestHead& request, const StaticFile& file);

// Bits (1 << Coding) of the content codings that Accept-Encoding allows.
std::uint8_t accepted_codings(const http1::Headers& headers);

}  // namespace berth::webserver
