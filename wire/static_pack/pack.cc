#include "wire/static_pack/pack.h"

#include <algorithm>

#include "base/text.h"

namespace berth::static_pack {
namespace {

constexpr std::string_view kMagic = "BERTHPK1";

class Reader {
 public:
  explicit Reader(ByteView input) : rest_(input) {}
  std::uint64_t number(std::size_t bytes) {
    const auto taken = take(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < taken.size(); ++i) value |= std::uint64_t{taken[i]} << (8 * i);
    return value;
  }
  ByteView take(std::size_t count) {
    if (rest_.size() < count) {
      broken_ = true;
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::string_view string() {
    const auto length = number(2);
    return as_text(take(static_cast<std::size_t>(length)));
  }
  bool is_broken() const { return broken_; }
  bool is_empty() const { return rest_.empty(); }

 private:
  ByteView rest_;
  bool broken_ = false;
};

Result<Entry> read_entry(Reader& reader, ByteView pack, std::size_t data_begin) {
  Entry entry;
  entry.path = reader.string();
  entry.type = reader.string();
  const auto etag = reader.take(entry.etag.size());
  const auto count = reader.number(1);
  if (reader.is_broken()) return fail(Errc::kMalformed, "index cut off");
  std::copy(etag.begin(), etag.end(), entry.etag.begin());
  if (!is_valid_path(entry.path)) return fail(Errc::kMalformed, "bad path '{}'", entry.path);
  for (const char c : entry.type)
    if (c < 0x20 || c > 0x7e) return fail(Errc::kMalformed, "{}: bad content type", entry.path);
  if (count < 1 || count > 4) return fail(Errc::kMalformed, "{}: {} variants", entry.path, count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto coding = reader.number(1);
    const auto offset = reader.number(8);
    const auto size = reader.number(8);
    if (reader.is_broken()) return fail(Errc::kMalformed, "index cut off");
    // Each coding once and in order, so identity is first.
    if (coding > 3 || (i == 0) != (coding == 0) ||
        (i > 0 && coding <= static_cast<std::uint64_t>(entry.variants.back().coding)))
      return fail(Errc::kMalformed, "{}: bad variant", entry.path);
    if (offset < data_begin || offset > pack.size() || size > pack.size() - offset)
      return fail(Errc::kMalformed, "{}: variant outside of the pack", entry.path);
    entry.variants.push_back({static_cast<Coding>(coding), pack.subspan(static_cast<std::size_t>(offset),
                                                                        static_cast<std::size_t>(size))});
  }
  return entry;
}

}  // namespace

std::string_view name_of(Coding coding) {
  switch (coding) {
    case Coding::kIdentity: return "identity";
    case Coding::kGzip: return "gzip";
    case Coding::kBrotli: return "br";
    case Coding::kZstd: return "zstd";
  }
  return "identity";
}

const Variant& Entry::smallest(std::uint8_t allowed_bits) const {
  const Variant* best = &variants.front();
  for (const auto& variant : variants)
    if ((allowed_bits >> static_cast<int>(variant.coding) & 1) && variant.bytes.size() < best->bytes.size())
      best = &variant;
  return *best;
}

Result<Pack> Pack::open(ByteView bytes) {
  constexpr std::size_t kHeaderSize = 16;
  if (bytes.size() < kHeaderSize || as_text(bytes.first(8)) != kMagic)
    return fail(Errc::kMalformed, "not a static pack of version 1");
  Reader header(bytes.subspan(8, 8));
  const auto count = header.number(4);
  const auto index_size = header.number(4);
  if (count > kMaxFiles) return fail(Errc::kTooLarge, "{} files, at most {} allowed", count, kMaxFiles);
  if (index_size > bytes.size() - kHeaderSize) return fail(Errc::kMalformed, "index cut off");
  const auto data_begin = kHeaderSize + static_cast<std::size_t>(index_size);
  Reader reader(bytes.subspan(kHeaderSize, static_cast<std::size_t>(index_size)));
  Pack pack;
  for (std::uint64_t i = 0; i < count; ++i) {
    BERTH_TRY(auto entry, read_entry(reader, bytes, data_begin));
    if (!pack.entries_.empty() && pack.entries_.back().path >= entry.path)
      return fail(Errc::kMalformed, "index not sorted at '{}'", entry.path);
    pack.entries_.push_back(std::move(entry));
  }
  if (!reader.is_empty()) return fail(Errc::kMalformed, "bytes behind the index");
  return pack;
}

const Entry* Pack::find(std::string_view path) const {
  const auto place =
      std::lower_bound(entries_.begin(), entries_.end(), path,
                       [](const Entry& entry, std::string_view wanted) { return entry.path < wanted; });
  return place != entries_.end() && place->path == path ? &*place : nullptr;
}

bool is_valid_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxPath || !is_valid_utf8(path)) return false;
  for (const auto part : split(path, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return std::none_of(path.begin(), path.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '\\'; });
}

}  // namespace berth::static_pack
