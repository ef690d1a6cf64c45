#include "wire/static_pack/writer.h"

#include <filesystem>

#include "base/file.h"
#include "base/text.h"

namespace berth::static_pack {
namespace {

void put(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void put_string(Bytes& out, std::string_view text) {
  put(out, text.size(), 2);
  out.insert(out.end(), text.begin(), text.end());
}

struct Coded {
  Coding coding;
  std::string bytes;
};

// Identity, then what is smaller by at least 5 % (less is not worth a second copy).
std::vector<Coded> make_variants(const std::string& content, std::string_view type,
                                 const WriteOptions& options) {
  std::vector<Coded> variants;
  variants.push_back({Coding::kIdentity, content});
  if (!options.compress || !is_compressible(type) || content.size() < 64) return variants;
  const auto add = [&](Coding coding, Result<std::string> coded) {
    if (coded && coded->size() * 100 < content.size() * 95) variants.push_back({coding, std::move(*coded)});
  };
  add(Coding::kGzip, gzip(content, options.gzip_level));
  add(Coding::kBrotli, brotli(content, options.brotli_quality));
  add(Coding::kZstd, zstd(content, options.zstd_level));
  return variants;
}

}  // namespace

Result<void> Writer::add(std::string path, std::string content, std::string type) {
  if (!is_valid_path(path)) return fail(Errc::kMalformed, "'{}' cannot be a path in a static pack", path);
  if (files_.contains(path)) return fail(Errc::kExists, "{} is there already", path);
  if (files_.size() >= kMaxFiles) return fail(Errc::kTooLarge, "more than {} files", kMaxFiles);
  if (type.empty()) type = content_type_of(path);
  files_.emplace(std::move(path), File{std::move(content), std::move(type)});
  return {};
}

Bytes Writer::finish() const {
  std::vector<std::vector<Coded>> variants;
  std::size_t index_size = 0;
  for (const auto& [path, file] : files_) {
    variants.push_back(make_variants(file.content, file.type, options_));
    index_size += 2 + path.size() + 2 + file.type.size() + 16 + 1 + variants.back().size() * 17;
  }
  Bytes out;
  for (const char c : std::string_view("BERTHPK1")) out.push_back(static_cast<std::uint8_t>(c));
  put(out, files_.size(), 4);
  put(out, index_size, 4);
  std::uint64_t offset = out.size() + index_size;
  std::size_t number = 0;
  for (const auto& [path, file] : files_) {
    put_string(out, path);
    put_string(out, file.type);
    const auto etag = md5(as_bytes(file.content));
    out.insert(out.end(), etag.begin(), etag.end());
    const auto& coded = variants[number++];
    put(out, coded.size(), 1);
    for (const auto& variant : coded) {
      put(out, static_cast<std::uint8_t>(variant.coding), 1);
      put(out, offset, 8);
      put(out, variant.bytes.size(), 8);
      offset += variant.bytes.size();
    }
  }
  out.reserve(static_cast<std::size_t>(offset));
  for (const auto& coded : variants)
    for (const auto& variant : coded) out.insert(out.end(), variant.bytes.begin(), variant.bytes.end());
  return out;
}

Result<Bytes> pack_folder(const std::string& folder, WriteOptions options) {
  namespace fs = std::filesystem;
  Writer writer(options);
  std::error_code error;
  auto item = fs::recursive_directory_iterator(folder, error);
  if (error) return fail_errno(error.value(), "open " + folder);
  for (; item != fs::recursive_directory_iterator(); item.increment(error)) {
    if (error) return fail_errno(error.value(), "read " + folder);
    const std::string name = item->path().filename().string();
    const auto status = item->symlink_status(error);
    if (error) return fail_errno(error.value(), "look at " + item->path().string());
    if (name.starts_with(".")) {
      if (fs::is_directory(status)) item.disable_recursion_pending();
      continue;
    }
    if (!fs::is_regular_file(status)) continue;
    BERTH_TRY(auto content, read_file(item->path().string(), std::size_t{1} << 30));
    BERTH_TRY_VOID(writer.add(fs::relative(item->path(), folder).generic_string(), std::move(content)));
  }
  return writer.finish();
}

}  // namespace berth::static_pack
