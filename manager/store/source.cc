#include "manager/store/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "base/unique_fd.h"
#include "loop/sync.h"
#include "manager/store/index.h"
#include "net/http_client.h"

namespace berth::manager {
namespace {

class FolderSource : public StoreSource {
 public:
  FolderSource(loop::Loop& loop, std::string folder) : loop_(loop), folder_(std::move(folder)) {}

  std::string describe(const std::string& path) const override { return folder_ + "/" + path; }

  Task<bool> fetch(std::string path, SourceLimits limits,
                   std::function<void(std::string_view)> sink) override {
    const std::string name = describe(path);
    UniqueFd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd && errno == ENOENT) {
      struct stat folder{};
      if (::stat(folder_.c_str(), &folder) != 0) throw Failure(errno_error(errno, "store folder " + folder_));
      co_return false;
    }
    if (!fd) throw Failure(errno_error(errno, "open " + name));
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
      throw_failure(Errc::kMalformed, "{} is no file", name);
    if (static_cast<std::uint64_t>(info.st_size) > limits.bytes)
      throw_failure(Errc::kTooLarge, "{} has {} bytes, {} are allowed", name, info.st_size, limits.bytes);
    std::string buffer(256 * 1024, '\0');
    std::uint64_t had = 0;
    for (;;) {
      const auto got = ::read(fd.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Failure(errno_error(errno, "read " + name));
      if (got == 0) break;
      had += static_cast<std::uint64_t>(got);
      if (had > limits.bytes) throw_failure(Errc::kTooLarge, "{} grows above {} bytes", name, limits.bytes);
      sink(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
      co_await loop::sleep_for(loop_, loop::Duration(0));  // let others in between
    }
    co_return true;
  }

 private:
  loop::Loop& loop_;
  std::string folder_;
};

class WebSource : public StoreSource {
 public:
  WebSource(net::HttpClient& http, std::string folder) : http_(http), folder_(std::move(folder)) {}

  std::string describe(const std::string& path) const override { return folder_ + "/" + path; }

  Task<bool> fetch(std::string path, SourceLimits limits,
                   std::function<void(std::string_view)> sink) override {
    net::HttpRequest request;
    request.url = describe(path);
    request.limit_bytes = limits.bytes;
    request.limit = std::chrono::milliseconds(0);
    request.stall_limit = limits.stall;
    std::uint64_t had = 0;
    request.on_data = [&had, &sink](std::string_view part) {
      had += part.size();
      sink(part);
      return true;
    };
    const std::string url = request.url;
    net::HttpResponse response;
    std::optional<Error> error;
    try {
      response = co_await http_.fetch(std::move(request));
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (error) throw Failure(std::move(*error).within(url));
    if (response.status == 404 || response.status == 410) co_return false;
    if (response.status == 401 || response.status == 403)
      throw_failure(Errc::kDenied, "{}: the store answers {}", url, response.status);
    if (response.status < 200 || response.status > 299)
      throw_failure(Errc::kUnavailable, "{}: the store answers {}", url, response.status);
    if (const auto length = response.find("content-length"); length && !response.find("content-encoding")) {
      const auto announced = parse_integer(*length);
      if (announced && static_cast<std::uint64_t>(*announced) != had)
        throw_failure(Errc::kMalformed, "{}: {} bytes were announced, {} came", url, *announced, had);
    }
    co_return true;
  }

 private:
  net::HttpClient& http_;
  std::string folder_;
};

}  // namespace

Result<std::unique_ptr<StoreSource>> open_source(loop::Loop& loop, net::HttpClient& http,
                                                 const std::string& place) {
  const std::string folder = store_folder(place);
  if (folder.empty()) return fail(Errc::kMalformed, "no store is set: berth config set storeUrl URL");
  if (folder.starts_with("https://") || folder.starts_with("http://"))
    return std::make_unique<WebSource>(http, folder);
  if (folder.find("://") != std::string::npos)
    return fail(Errc::kMalformed, "store {}: only http, https and folders are possible", place);
  if (!folder.starts_with('/'))
    return fail(Errc::kMalformed, "store {}: a folder must be named by its whole path", place);
  return std::make_unique<FolderSource>(loop, folder);
}

}  // namespace berth::manager
