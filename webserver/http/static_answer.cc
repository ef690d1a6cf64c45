#include "webserver/http/static_answer.h"

#include "base/text.h"
#include "wire/static_pack/writer.h"

namespace berth::webserver {
namespace {

using static_pack::Coding;

constexpr std::string_view kImmutable = "public, max-age=31536000, immutable";
constexpr std::string_view kShort = "public, max-age=300";

std::string etag_of(const static_pack::Entry& entry, Coding coding) {
  const auto hash = format_hex(entry.etag);
  if (coding == Coding::kIdentity) return fmt::format("\"{}\"", hash);
  return fmt::format("\"{}-{}\"", hash, static_pack::name_of(coding));
}

// Which coding's tag of `entry` stands in a list of entity tags, if any. Weak comparison unless `strong`.
std::optional<Coding> find_tag(std::string_view list, const static_pack::Entry& entry, Coding chosen,
                               bool strong) {
  if (trim(list) == "*") return chosen;
  std::optional<Coding> found;
  for (auto part : split(list, ',')) {
    part = trim(part);
    if (part.starts_with("W/")) {
      if (strong) continue;
      part.remove_prefix(2);
    }
    for (const auto& variant : entry.variants)
      if (part == etag_of(entry, variant.coding) && found != chosen) found = variant.coding;
  }
  return found;
}

struct Range {
  std::size_t first, last;
};
enum class RangeVerdict : std::uint8_t { kNone, kOne, kUnsatisfiable };

// RFC 9110 section 14.1.2. What cannot be read as one byte range is ignored.
RangeVerdict parse_range(std::string_view text, std::size_t size, Range& range) {
  if (!equal_ignoring_case(text.substr(0, 6), "bytes=")) return RangeVerdict::kNone;
  text = trim(text.substr(6));
  const auto dash = text.find('-');
  if (dash == text.npos || text.find(',') != text.npos) return RangeVerdict::kNone;
  const auto digits = [](std::string_view part) { return part.find_first_not_of("0123456789") == part.npos; };
  const auto from = text.substr(0, dash), to = text.substr(dash + 1);
  if (!digits(from) || !digits(to) || (from.empty() && to.empty())) return RangeVerdict::kNone;
  constexpr std::uint64_t kFar = ~std::uint64_t{0} >> 1;
  const auto number = [&](std::string_view part) {
    return static_cast<std::uint64_t>(parse_integer(part).value_or(static_cast<std::int64_t>(kFar)));
  };
  if (from.empty()) {
    const auto count = std::min<std::uint64_t>(number(to), size);
    if (count == 0) return RangeVerdict::kUnsatisfiable;
    range = {size - static_cast<std::size_t>(count), size - 1};
    return RangeVerdict::kOne;
  }
  const auto first = number(from);
  const auto last = to.empty() ? kFar : number(to);
  if (last < first) return RangeVerdict::kNone;
  if (first >= size) return RangeVerdict::kUnsatisfiable;
  range = {static_cast<std::size_t>(first),
           static_cast<std::size_t>(std::min<std::uint64_t>(last, size - 1))};
  return RangeVerdict::kOne;
}

double quality_of(std::string_view parameters) {
  for (auto parameter : split(parameters, ';')) {
    parameter = trim(parameter);
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
    parameter.remove_prefix(2);
    return parameter.find_first_of("123456789") == parameter.npos ? 0 : 1;  // only "not at all" matters
  }
  return 1;
}

}  // namespace

StaticFile find_static(const StaticPack& pack, std::string_view relative, std::string_view build) {
  if (const auto* entry = pack.find(relative)) return {entry, false};
  const auto slash = relative.find('/');
  if (slash == relative.npos || slash == 0) return {};
  const auto first = relative.substr(0, slash);
  if (first.find_first_not_of("0123456789abcdefABCDEF") != first.npos) return {};
  return {pack.find(relative.substr(slash + 1)), !build.empty() && first == build};
}

std::uint8_t accepted_codings(const http1::Headers& headers) {
  std::uint8_t allowed = 1, named = 0;
  bool any = false;
  for (const auto& [name, value] : headers) {
    if (name != "accept-encoding") continue;
    for (auto element : split(value, ',')) {
      element = trim(element);
      const auto semicolon = std::min(element.find(';'), element.size());
      const auto token = trim(element.substr(0, semicolon));
      const bool is_allowed = quality_of(element.substr(semicolon)) > 0;
      if (token == "*") any = is_allowed;
      for (const auto coding : {Coding::kGzip, Coding::kBrotli, Coding::kZstd}) {
        if (!equal_ignoring_case(token, static_pack::name_of(coding))) continue;
        const auto bit = static_cast<std::uint8_t>(1U << static_cast<unsigned>(coding));
        named |= bit;
        if (is_allowed) allowed |= bit;
      }
    }
  }
  if (any) allowed |= static_cast<std::uint8_t>(0b1110 & ~named);
  return allowed;
}

StaticAnswer answer_static(const http1::RequestHead& request, const StaticFile& file) {
  const auto& entry = *file.entry;
  const auto header = [&](std::string_view name) { return http1::find_header(request.headers, name); };
  // Ranges are for GET alone (RFC 9110 section 14.2).
  auto range_text = request.method == "GET" ? header("range") : std::nullopt;
  const auto variant = entry.smallest(range_text ? 1 : accepted_codings(request.headers));

  StaticAnswer answer;
  auto& headers = answer.headers;
  headers.reserve(8);
  headers.emplace_back("etag", etag_of(entry, variant.coding));
  headers.emplace_back("cache-control", file.is_immutable ? kImmutable : kShort);
  if (entry.variants.size() > 1) headers.emplace_back("vary", "Accept-Encoding");

  if (const auto match = http1::find_list(request.headers, "if-match");
      match && !find_tag(*match, entry, variant.coding, true)) {
    answer.status = 412;
    headers.emplace_back("content-length", "0");
    return answer;
  }
  if (const auto none = http1::find_list(request.headers, "if-none-match")) {
    if (const auto tag = find_tag(*none, entry, variant.coding, false)) {
      answer.status = 304;
      headers.front().second = etag_of(entry, *tag);
      return answer;
    }
  }
  const auto type = entry.type.empty() ? static_pack::content_type_of(entry.path) : entry.type;
  if (!type.empty()) headers.emplace_back("content-type", type);
  headers.emplace_back("accept-ranges", "bytes");
  if (variant.coding != Coding::kIdentity)
    headers.emplace_back("content-encoding", static_pack::name_of(variant.coding));
  answer.body = variant.bytes;

  if (const auto condition = header("if-range");
      condition && trim(*condition) != etag_of(entry, variant.coding))
    range_text.reset();
  Range range{};
  switch (range_text ? parse_range(trim(*range_text), answer.body.size(), range) : RangeVerdict::kNone) {
    case RangeVerdict::kNone: break;
    case RangeVerdict::kUnsatisfiable:
      answer.status = 416;
      headers.emplace_back("content-range", fmt::format("bytes */{}", answer.body.size()));
      answer.body = {};
      break;
    case RangeVerdict::kOne:
      answer.status = 206;
      headers.emplace_back("content-range",
                           fmt::format("bytes {}-{}/{}", range.first, range.last, answer.body.size()));
      answer.body = answer.body.subspan(range.first, range.last - range.first + 1);
      break;
  }
  headers.emplace_back("content-length", fmt::format("{}", answer.body.size()));
  return answer;
}

}  // namespace berth::webserver
