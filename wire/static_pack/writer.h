// Makes static packs.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/static_pack/pack.h"

namespace berth::static_pack {

struct WriteOptions {
  bool compress = true;  // add gzip, br and zstd variants where they are smaller by at least 5 %
  int brotli_quality = 11, zstd_level = 19, gzip_level = 9;
};

class Writer {
 public:
  explicit Writer(WriteOptions options = {}) : options_(options) {}
  // kMalformed for a path that may not be in a pack, kExists if it is there already, kTooLarge.
  // An empty `type` is looked up by the suffix.
  Result<void> add(std::string path, std::string content, std::string type = {});
  Bytes finish() const;

 private:
  struct File {
    std::string content, type;
  };
  WriteOptions options_;
  std::map<std::string, File> files_;
};

// All regular files below `folder`; hidden ones (".x") and links are left out.
Result<Bytes> pack_folder(const std::string& folder, WriteOptions options = {});

// Type by suffix (reference/app-service.md section 3, and jpg, mjs, webmanifest, map); "" if unknown.
// Case-sensitive. Texts carry charset=utf-8.
std::string_view content_type_of(std::string_view path);
bool is_compressible(std::string_view content_type);

Result<std::string> gzip(std::string_view content, int level = 9);
Result<std::string> brotli(std::string_view content, int quality = 11);
Result<std::string> zstd(std::string_view content, int level = 19);

}  // namespace berth::static_pack
