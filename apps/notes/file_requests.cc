#include "apps/notes/file_requests.h"

#include "apps/notes/request.h"
#include "base/text.h"

namespace berth::notes {
namespace {

loop::Task<void> refuse(sdk::HttpResponse& response, std::uint16_t status, std::string reason) {
  response.status(status);
  co_await response.send_json(json::serialize(json::Object{{"error", reason}}));
}

std::uint16_t status_of(Errc code) {
  switch (code) {
    case Errc::kMalformed: return 400;
    case Errc::kDenied: return 403;
    case Errc::kNotFound: return 404;
    case Errc::kConflict: return 409;
    case Errc::kTooLarge: return 413;
    case Errc::kUnavailable: return 503;
    default: return 500;
  }
}

// "type/subtype" (RFC 9110 section 8.3.1) without parameters, or the type of what we know nothing about.
std::string clean_type(std::string_view type) {
  type = trim(type.substr(0, type.find(';')));
  const auto is_token = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || std::strchr("!#$&^_.+-", c);
  };
  const auto slash = type.find('/');
  const bool good = type.size() <= 100 && slash != std::string_view::npos && slash > 0 &&
                    slash + 1 < type.size() &&
                    std::all_of(type.begin(), type.begin() + static_cast<std::ptrdiff_t>(slash), is_token) &&
                    std::all_of(type.begin() + static_cast<std::ptrdiff_t>(slash) + 1, type.end(), is_token);
  return good ? to_lower(type) : "application/octet-stream";
}

// What a browser may show in place. All else could run scripts in our origin.
bool is_picture(std::string_view type) {
  return type == "image/png" || type == "image/jpeg" || type == "image/gif" || type == "image/webp";
}

}  // namespace

loop::Task<void> FileRequests::handle(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  const auto* visitor = presence_.find_by_key(request.query("key").value_or(""));
  if (!visitor) co_return co_await refuse(response, 403, "the key is not valid (any more)");
  if (request.method() == "POST" && request.path().empty())
    co_return co_await upload(request, response, visitor->name);
  if (request.method() == "GET" && !request.path().empty()) co_return co_await download(request, response);
  response.header("Allow", request.path().empty() ? "POST" : "GET, HEAD");
  co_await refuse(response, 405, "not possible here");
}

loop::Task<void> FileRequests::upload(sdk::HttpRequest& request, sdk::HttpResponse& response,
                                      std::string by) {
  File file;
  const auto id = parse_uuid(request.query("id").value_or(""));
  const auto note = parse_uuid(request.query("note").value_or(""));
  auto name = parse_file_name(request.query("name").value_or(""));
  if (!id) co_return co_await refuse(response, 400, "id: " + id.error().detail);
  if (!note) co_return co_await refuse(response, 400, "note: " + note.error().detail);
  if (!name) co_return co_await refuse(response, 400, name.error().detail);
  const auto length = request.content_length();
  const auto limit = static_cast<std::uint64_t>(config_.number("maxFileSize"));
  if (!length) co_return co_await refuse(response, 411, "the length of the file must be told");
  if (*length > limit)
    co_return co_await refuse(response, 413, fmt::format("a file can have {} bytes", limit));

  file.id = *id;
  file.note = *note;
  file.name = std::move(*name);
  file.type = clean_type(request.header("content-type"));
  auto stored = co_await files_.find(file.id);  // sent once more after a lost answer
  if (!stored) {
    file.content = co_await files_.begin_content();
    auto received = co_await receive(request, file.content, limit);
    if (!received) {
      co_await files_.drop_content(file.content);
      co_return co_await refuse(response, status_of(received.error().code), received.error().detail);
    }
    file.size = *received;
    auto attached = co_await attach_(file, std::move(by));
    if (!attached) {
      co_await files_.drop_content(file.content);
      co_return co_await refuse(response, status_of(attached.error().code), attached.error().detail);
    }
    stored = std::move(*attached);
  }
  co_await response.send_json(json::serialize(to_json(*stored)));
}

loop::Task<Result<std::uint64_t>> FileRequests::receive(sdk::HttpRequest& request, std::string content,
                                                        std::uint64_t limit) {
  Bytes part;
  int parts = 0;
  std::uint64_t size = 0;
  while (true) {
    auto piece = co_await request.read();
    size += piece.size();
    if (size > limit) co_return fail(Errc::kTooLarge, "a file can have {} bytes", limit);
    part.insert(part.end(), piece.begin(), piece.end());
    const bool is_end = piece.empty();
    while (part.size() >= kPartBytes || (is_end && !part.empty())) {
      const auto count = static_cast<std::ptrdiff_t>(std::min(part.size(), kPartBytes));
      Bytes bytes(part.begin(), part.begin() + count);
      part.erase(part.begin(), part.begin() + count);
      co_await files_.write_part(content, parts++, std::move(bytes));
    }
    if (is_end) co_return size;
  }
}

loop::Task<void> FileRequests::download(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  const auto id = parse_uuid(request.path());
  std::optional<File> file;
  if (id) file = co_await files_.find(*id);
  if (!file) co_return co_await refuse(response, 404, "no such file");

  const std::string tag = fmt::format("\"{}\"", file->id);  // the bytes of an id never change
  response.header("ETag", tag);
  response.header("Cache-Control", "private, max-age=86400");
  response.header("Accept-Ranges", "bytes");
  response.header("X-Content-Type-Options", "nosniff");
  response.header("Content-Security-Policy", "sandbox; default-src 'none'");
  if (request.header("if-none-match").find(tag) != std::string_view::npos) {
    response.status(304);
    co_return co_await response.finish();
  }
  response.content_type(file->type);
  if (is_picture(file->type)) response.header("Content-Disposition", "inline");
  else response.file_name(file->name);

  const auto ranges = sdk::parse_ranges(request.header("range"), file->size);
  if (ranges && ranges->empty()) {
    response.status(416).header("Content-Range", fmt::format("bytes */{}", file->size));
    co_return co_await response.finish();
  }
  // Several ranges at once may be answered with the whole (RFC 9110 section 14.2).
  const bool is_part = ranges && ranges->size() == 1;
  sdk::ByteRange range{0, file->size ? file->size - 1 : 0};
  if (is_part) {
    range = ranges->front();
    response.status(206).header("Content-Range", sdk::format_content_range(range, file->size));
  }
  response.content_length(file->size ? range.size() : 0);
  if (file->size && !request.is_head()) co_await send_bytes(response, *file, range);
  co_await response.finish();
}

loop::Task<void> FileRequests::send_bytes(sdk::HttpResponse& response, const File& file,
                                          sdk::ByteRange range) {
  std::uint64_t at = range.first;
  while (at <= range.last) {
    const auto part = at / kPartBytes;
    const auto bytes = co_await files_.read_part(file.content, static_cast<int>(part));
    const auto skip = at - part * kPartBytes;
    if (skip >= bytes.size()) throw_failure(Errc::kFailed, "file {} is shorter than it should be", file.id);
    const auto count = std::min<std::uint64_t>(bytes.size() - skip, range.last - at + 1);
    std::string text(as_text(ByteView(bytes).subspan(skip, count)));
    co_await response.write(std::move(text));
    at += count;
  }
}

}  // namespace berth::notes
