#include "apps/echo/echo_instance.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "wire/json/json.h"
#include "wire/static_pack/writer.h"

namespace berth::echo {
namespace {

constexpr std::size_t kBlock = 64 * 1024;

// True if the method fits; else the answer is 405.
loop::Task<bool> takes(std::string_view method, sdk::HttpRequest& request, sdk::HttpResponse& response) {
  if (request.method() == method) co_return true;
  response.status(405).header("allow", method);
  co_await response.send({});
  co_return false;
}

// Bytes as JSON takes them: what is not UTF-8 is told in hexadecimal digits.
std::string printable(std::string_view text) {
  return is_valid_utf8(text) ? std::string(text) : "hex:" + format_hex(as_bytes(text));
}

std::int64_t find_number(const sdk::HttpRequest& request, std::string_view name, std::int64_t most) {
  const auto number = parse_integer(request.query(name).value_or(""));
  if (!number || *number < 0 || *number > most)
    throw_failure(Errc::kMalformed, "{}: a number up to {} expected", name, most);
  return *number;
}

}  // namespace

std::string make_block(std::uint64_t offset, std::size_t size) {
  // A period of 251 (prime), so that a shifted block never looks right.
  constexpr std::size_t kPeriod = 251;
  const auto begin = static_cast<std::size_t>(offset % kPeriod);
  std::string block(size, '\0');
  for (std::size_t i = 0; i < std::min(size, kPeriod); ++i)
    block[i] = static_cast<char>((begin + i) % kPeriod);
  for (std::size_t have = kPeriod; have < size; have *= 2)
    std::memcpy(block.data() + have, block.data(), std::min(have, size - have));
  return block;
}

loop::Task<void> EchoHandler::received(sdk::Websocket& socket, Bytes message, bool is_text) {
  if (is_text) socket.send_text(as_text(message));
  else socket.send_binary(message);
  co_await socket.drained();
}

loop::Task<void> RoomHandler::opened(sdk::Websocket& socket) {
  members_.push_back(&socket);
  co_return;
}

loop::Task<void> RoomHandler::received(sdk::Websocket&, Bytes message, bool is_text) {
  if (is_text) sdk::broadcast_text(members_, as_text(message));
  else sdk::broadcast_binary(members_, message);
  co_return;
}

void RoomHandler::closed(sdk::Websocket& socket, std::uint16_t) { std::erase(members_, &socket); }

EchoInstance::EchoInstance(sdk::AppService& service, sdk::InstanceArguments arguments, ByteView files)
    : AppInstance(service, std::move(arguments)), files_(files) {}

loop::Task<void> EchoInstance::started() {
  using sdk::HttpRequest, sdk::HttpResponse;
  attach_static(files_);
  static_pack::Writer writer({.compress = false});
  or_throw(writer.add("1k.bin", make_block(0, 1024)));
  or_throw(writer.add("100k.bin", make_block(0, 102400)));
  blocks_ = writer.finish();
  attach_static(blocks_, "files");
  attach_websocket("echo", echo_, {.message_bytes = kMostMessage, .send_bytes = 2 * kMostMessage});
  attach_websocket("room", room_, {.message_bytes = kMostMessage, .send_bytes = 2 * kMostMessage});
  attach_http("bytes",
              [this](HttpRequest& request, HttpResponse& response) { return bytes(request, response); });
  attach_http("sink",
              [this](HttpRequest& request, HttpResponse& response) { return sink(request, response); });
  attach_http("mirror",
              [this](HttpRequest& request, HttpResponse& response) { return mirror(request, response); });
  attach_http("slow",
              [this](HttpRequest& request, HttpResponse& response) { return slow(request, response); });
  attach_http("crash",
              [this](HttpRequest& request, HttpResponse& response) { return crash(request, response); });
  attach_http("hog", [this](HttpRequest& request, HttpResponse& response) { return hog(request, response); });
  attach_http("spin",
              [this](HttpRequest& request, HttpResponse& response) { return spin(request, response); });
  co_return;
}

loop::Task<void> EchoInstance::bytes(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  if (!co_await takes("GET", request, response)) co_return;
  const auto wanted = parse_integer(request.path());
  if (!wanted || *wanted < 0 || static_cast<std::uint64_t>(*wanted) > kMostBytes)
    throw_failure(Errc::kMalformed, "bytes/N: a number up to {} expected", kMostBytes);
  const auto size = static_cast<std::uint64_t>(*wanted);
  std::uint64_t offset = 0, end = size;
  // Ranges are for GET alone (RFC 9110 section 14.2).
  const auto ranges = sdk::parse_ranges(request.is_head() ? "" : request.header("range"), size);
  if (ranges && ranges->empty()) {
    response.status(416).header("content-range", fmt::format("bytes */{}", size));
    co_await response.send({});
    co_return;
  }
  if (ranges && ranges->size() == 1) {  // several are answered with everything, as RFC 9110 allows
    offset = ranges->front().first;
    end = ranges->front().last + 1;
    response.status(206).header("content-range", sdk::format_content_range(ranges->front(), size));
  }
  response.content_type("application/octet-stream")
      .header("accept-ranges", "bytes")
      .content_length(end - offset);
  if (end - offset <= kBlock && !request.is_head()) {
    std::string block = make_block(offset, static_cast<std::size_t>(end - offset));
    co_await response.send(std::move(block));
    co_return;
  }
  while (offset < end && !request.is_head()) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, end - offset));
    std::string block = make_block(offset, part);
    co_await response.write(std::move(block));
    offset += part;
  }
  co_await response.finish();
}

loop::Task<void> EchoInstance::sink(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  if (!co_await takes("POST", request, response)) co_return;
  std::uint64_t count = 0;
  for (;;) {
    const Bytes part = co_await request.read();
    if (part.empty()) break;
    count += part.size();
  }
  std::string answer = fmt::format("{{\"bytes\":{}}}", count);
  co_await response.send_json(std::move(answer));
}

loop::Task<void> EchoInstance::mirror(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  const std::string body = co_await request.read_all(kMostMirrored);
  json::Array headers;
  for (const auto& [name, value] : request.headers())
    headers.push_back(json::Array{json::Value(name), json::Value(printable(value))});
  const json::Object told{{"method", request.method()},
                          {"isHead", request.is_head()},
                          {"target", printable(request.target())},
                          {"path", printable(request.path())},
                          {"tls", request.is_tls()},
                          {"headers", std::move(headers)},
                          {"body", printable(body)}};
  std::string answer = json::serialize(told);
  co_await response.send_json(std::move(answer));
}

loop::Task<void> EchoInstance::slow(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  const auto wait = std::chrono::milliseconds(find_number(request, "ms", kMostMilliseconds));
  co_await loop::sleep_for(loop(), wait);
  co_await response.send("slow\n");
}

loop::Task<void> EchoInstance::crash(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  if (!co_await takes("POST", request, response)) co_return;
  log("crash as asked for", {{"peer", request.peer()}});
  std::abort();
  co_await response.finish();
}

loop::Task<void> EchoInstance::hog(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  if (!co_await takes("POST", request, response)) co_return;
  const auto mebibytes = find_number(request, "mb", kMostMebibytes);
  if (mebibytes == 0) hogged_.clear();
  for (std::int64_t i = 0; i < mebibytes; ++i) hogged_.emplace_back(1 << 20, 'h');
  std::string answer = fmt::format("{{\"mb\":{}}}", hogged_.size());
  co_await response.send_json(std::move(answer));
}

loop::Task<void> EchoInstance::spin(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  if (!co_await takes("POST", request, response)) co_return;
  const auto until =
      loop::Clock::now() + std::chrono::milliseconds(find_number(request, "ms", kMostMilliseconds));
  while (loop::Clock::now() < until) {  // on purpose without giving way: the whole service stands still
  }
  co_await response.send("spun\n");
}

}  // namespace berth::echo
