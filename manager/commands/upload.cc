#include "manager/commands/upload.h"

#include "loop/sync.h"
#include "manager/commands/command_file.h"

namespace berth::manager {
namespace {

// PostgreSQL waits for a locked table at most a minute: a stream that is silent for so long is no stalled one.
constexpr std::chrono::seconds kStallLimit{120};
constexpr int kNotFound = 404, kConflict = 409;  // what WebDAV servers say of a missing folder

class UploadSink : public BackupSink {
 public:
  explicit UploadSink(net::BodyStream& body) : body_(body) {}
  Task<void> write(std::string bytes) override {
    bytes_ += bytes.size();
    return body_.write(std::move(bytes));
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  net::BodyStream& body_;
  std::uint64_t bytes_ = 0;
};

bool is_success(int status) { return status >= 200 && status < 300; }

// What a status means for whoever gave the address.
Error refusal(int status) {
  const auto because = [status](Errc code, std::string_view why) {
    return Error{code, fmt::format("the server answers {}: {}", status, why)};
  };
  switch (status) {
    case 401: return because(Errc::kDenied, "user and password are missing or wrong");
    case 403: return because(Errc::kDenied, "this user may not write there");
    case kNotFound:
    case kConflict: return because(Errc::kNotFound, "there is no such folder, and it could not be made");
    case 405: return because(Errc::kUnsupported, "it takes no uploads (PUT) there");
    case 408:
    case 429: return because(Errc::kUnavailable, "try again later");
    case 411:
      return because(Errc::kUnsupported, "it wants the size beforehand, which a stream does not know");
    case 413: return because(Errc::kTooLarge, "the file is too large for it");
    case 507: return because(Errc::kNoSpace, "it has no room left");
    default: break;
  }
  if (status >= 500) return because(Errc::kUnavailable, "it has a fault of its own");
  if (status >= 300 && status < 400)
    return because(Errc::kUnsupported, "it sends us elsewhere: give that address");
  return because(Errc::kFailed, "it does not take the file");
}

struct Refused : Failure {
  explicit Refused(int answered) : Failure(refusal(answered)), status(answered) {}
  int status;
};

// Addresses may hold tokens behind their '?'.
Error without_query(Error error, const std::string& url) {
  if (error.detail.starts_with(url)) error.detail = shown_url(url) + error.detail.substr(url.size());
  return error;
}

bool is_worth_a_try(const Error& error) {
  return error.code == Errc::kUnavailable || error.code == Errc::kTimeout;
}

}  // namespace

net::HttpRequest Uploader::request(const UploadPlace& place, std::string method, std::string url) const {
  net::HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.user = place.user;
  request.password = place.password;
  request.auth = place.digest ? net::HttpRequest::Auth::kDigest : net::HttpRequest::Auth::kBasic;
  request.pinned_fingerprint = place.fingerprint;
  request.max_redirects = 0;
  return request;
}

Task<std::uint64_t> Uploader::put_once(UploadPlace place, Write write) {
  net::BodyStream body(loop_);
  auto upload = request(place, "PUT", place.url);
  upload.headers.emplace_back("content-type", "application/octet-stream");
  upload.body_stream = &body;
  upload.limit = std::chrono::milliseconds(0);
  upload.stall_limit = kStallLimit;
  loop::Spawned<net::HttpResponse> answer(loop_, http_.fetch(std::move(upload)));
  UploadSink sink(body);
  std::exception_ptr broken;
  try {
    co_await write(sink);
    body.finish();
  } catch (...) {
    broken = std::current_exception();
    body.abort();
  }
  net::HttpResponse response;
  try {
    response = co_await answer.join();
  } catch (const Failure& failure) {
    // An upload that we broke off is not the server's fault.
    if (broken && failure.error().code == Errc::kCancelled) std::rethrow_exception(broken);
    throw Failure(without_query(failure.error(), place.url));
  }
  if (!is_success(response.status)) throw Refused(response.status);
  if (broken) std::rethrow_exception(broken);
  co_return sink.bytes();
}

Task<void> Uploader::make_folders(UploadPlace place) {
  const auto root = place.url.find('/', place.url.find("://") + 3);
  if (root == std::string::npos) co_return;
  for (auto slash = place.url.find('/', root + 1); slash != std::string::npos;
       slash = place.url.find('/', slash + 1)) {
    // What it says to folders that are there differs (405, 301, 409); the upload that follows tells.
    (void)co_await http_.fetch(request(place, "MKCOL", place.url.substr(0, slash + 1)));
  }
}

Task<std::uint64_t> Uploader::put(UploadPlace place, Write write) {
  bool made_folders = false;
  for (std::size_t tries = 0;;) {
    std::optional<Error> error;
    bool lacks_folder = false;
    try {
      co_return co_await put_once(place, write);
    } catch (const Refused& refused) {
      error = refused.error();
      lacks_folder = refused.status == kNotFound || refused.status == kConflict;
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (lacks_folder && !std::exchange(made_folders, true)) {
      co_await make_folders(place);
      continue;
    }
    if (!is_worth_a_try(*error) || tries == pauses_.size()) throw Failure(*error);
    co_await loop::sleep_for(loop_, pauses_[tries++]);
  }
}

}  // namespace berth::manager
