// Whatever conditions, ranges and codings a client sends, the answer is a part of the file, its head can be written and
// tells the body's length; whatever options a service sends, they can stand in a head. The input: {method and file},
// then lines of {which field}value; all of it is a service's options, too.
#include "base/text.h"
#include "webserver/http/static_answer.h"
#include "webserver/http/static_options.h"
#include "webserver/testing/memory_file.h"
#include "wire/fuzz.h"
#include "wire/static_pack/writer.h"

using namespace berth;
using namespace berth::webserver;

namespace {

std::shared_ptr<const StaticPack> make() {
  static_pack::Writer writer;
  or_throw(writer.add("a.js", std::string(5000, 'a')));
  or_throw(writer.add("one.bin", "1"));
  or_throw(writer.add("empty.txt", ""));
  return or_throw(StaticPack::map(testing::make_memfd(writer.finish()).get()));
}

void check(const http1::RequestHead& request, const StaticFile& file) {
  const auto answer = answer_static(request, file);
  fuzz::require(http1::format_response_head(answer.status, answer.headers).has_value());
  const auto length = http1::find_header(answer.headers, "content-length");
  fuzz::require(answer.status == 304 ? !length : length == fmt::format("{}", answer.body.size()));
  if (answer.status == 304 || answer.status == 412 || answer.status == 416)
    return fuzz::require(answer.body.empty());
  fuzz::require(answer.status == 200 || answer.status == 206);
  const auto coding = http1::find_header(answer.headers, "content-encoding");
  const auto allowed = accepted_codings(request.headers);
  bool is_part = false;
  for (const auto& variant : file.entry->variants) {
    const bool is_plain = variant.coding == static_pack::Coding::kIdentity;
    if (is_plain ? coding.has_value() : coding != static_pack::name_of(variant.coding)) continue;
    fuzz::require(allowed >> static_cast<int>(variant.coding) & 1);
    const auto* end = variant.bytes.data() + variant.bytes.size();
    is_part = answer.body.data() >= variant.bytes.data() && answer.body.data() + answer.body.size() <= end;
  }
  fuzz::require(is_part);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto pack = make();
  if (size < 1) return 0;
  constexpr std::string_view kFiles[] = {"a.js", "one.bin", "empty.txt", "1f/a.js"};
  constexpr std::string_view kFields[] = {"range",         "if-range",        "if-match",
                                          "if-none-match", "accept-encoding", "cookie"};
  const std::string_view text = as_text(ByteView(data + 1, size - 1));
  http1::RequestHead request;
  request.method = data[0] & 1 ? "GET" : "HEAD";
  for (const auto line : split(text, '\n'))
    if (!line.empty())
      request.headers.emplace_back(kFields[static_cast<std::uint8_t>(line[0]) % std::size(kFields)],
                                   line.substr(1));
  check(request, find_static(*pack, kFiles[data[0] / 2 % 4], "1f"));
  if (const auto file = find_static(*pack, text, "1f"); file.entry) check({.method = "GET"}, file);

  const auto options = parse_static_options(text);
  if (!options) return 0;
  fuzz::require(options->headers.size() <= StaticOptions::kMaxHeaders);
  fuzz::require(http1::format_response_head(200, options->headers).has_value());
  if (const auto place = redirect_of(*options, "/a", "index.htm", "?q"))
    fuzz::require(http1::format_response_head(302, {{"location", *place}}).has_value());
  return 0;
}
