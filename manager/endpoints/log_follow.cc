#include "manager/endpoints/log_follow.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "api/log.h"
#include "base/file.h"
#include "loop/readiness.h"
#include "manager/supervise/log_folder.h"

namespace berth::manager {

using namespace std::chrono_literals;

Admin::Follow::Follow(loop::Loop& loop, AdminPeer& the_peer, api::Json the_src, std::string the_service,
                      std::string the_folder, std::string the_instance)
    : peer(&the_peer),
      src(std::move(the_src)),
      service(std::move(the_service)),
      folder(std::move(the_folder)),
      instance(std::move(the_instance)),
      timer(loop) {}

void Admin::Follow::start(std::uint64_t from) {
  file = newest_log(folder);
  struct stat info{};
  if (!file.empty() && ::stat(file.c_str(), &info) == 0) inode = info.st_ino;
  position = from;
  timer.start(500ms, [this] { look(); });
}

void Admin::Follow::look() {
  std::vector<std::string> lines;
  const auto read_more = [&](int fd, std::uint64_t size) {
    std::string buffer(std::min<std::uint64_t>(size - position, 1 << 20), '\0');
    const auto got = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(position));
    if (got <= 0) return;
    position += static_cast<std::uint64_t>(got);
    rest.append(buffer, 0, static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const auto line = std::string_view(rest).substr(begin, end - begin);
      if (is_line_of(line, instance)) lines.push_back(as_text(line));
    }
    rest.erase(0, begin);
  };
  const std::string newest = newest_log(folder);
  struct stat info{};
  if (!newest.empty() && ::stat(newest.c_str(), &info) == 0) {
    if (info.st_ino != inode) {  // rotated: begin with the new one
      inode = info.st_ino;
      file = newest;
      position = 0;
      rest.clear();
    }
    const auto size = static_cast<std::uint64_t>(info.st_size);
    if (size < position) position = 0;
    if (size > position) {
      UniqueFd fd(::open(newest.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
      if (fd) read_more(fd.get(), size);
    }
  }
  if (!lines.empty()) {
    api::LogLines message;
    message.service = service;
    message.lines = std::move(lines);
    auto object = api::format_message(message);
    if (!src.is_null()) object["src"] = src;
    peer->send(std::move(object));
  }
  timer.start(500ms, [this] { look(); });
}

void Admin::add_logs() {
  on_raw("GetLog", [this](AdminRequest& request) -> Task<void> {
    const auto message = or_throw(api::parse_message<api::GetLog>(request.body));
    static constexpr std::array<std::string_view, 4> kOwn = {"manager", "webserver", "postgres",
                                                             "postgresql"};
    const bool own = std::find(kOwn.begin(), kOwn.end(), message.service) != kOwn.end();
    const auto process = parts_.services.find_process(message.service, message.instance.value_or(""));
    if (!own && !process) throw_failure(Errc::kNotFound, "there is no service {}", message.service);
    const std::string folder =
        process ? process->place().logs
                : parts_.layout.log(message.service == "postgres" ? "postgresql" : message.service);
    auto tail =
        read_tail(folder, std::min<std::uint64_t>(message.lines, 20'000), message.instance.value_or(""));
    api::GetLogResult result;
    result.lines = std::move(tail.lines);
    result.truncated = tail.truncated;
    request.reply(api::format_message(result));
    if (!message.follow) co_return;
    const auto* src = json::find(request.body, "src");
    auto follow = std::make_unique<Follow>(parts_.loop, request.peer, src ? *src : api::Json(nullptr),
                                           message.service, folder, message.instance.value_or(""));
    follow->start(tail.size);
    std::erase_if(follows_,
                  [&](const auto& one) { return one->peer == follow->peer && one->src == follow->src; });
    follows_.push_back(std::move(follow));
  });
  on_raw("StopLog", [this](AdminRequest& request) -> Task<void> {
    const auto message = or_throw(api::parse_message<api::StopLog>(request.body));
    const auto* src = json::find(request.body, "src");
    const api::Json wanted =
        message.follow.empty() ? (src ? *src : api::Json(nullptr)) : api::Json(message.follow);
    std::erase_if(follows_,
                  [&](const auto& one) { return one->peer == &request.peer && one->src == wanted; });
    request.reply(api::format_message(api::StopLogResult{}));
    co_return;
  });
}

Task<std::uint64_t> copy_to_file(loop::Loop& loop, UniqueFd source, std::string file,
                                 std::uint64_t limit_bytes) {
  struct Guard {
    std::string path;
    bool keep = false;
    ~Guard() {
      if (!keep) ::unlink(path.c_str());
    }
  } guard{file};
  UniqueFd target(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target) throw Failure(errno_error(errno, "open " + file));
  struct stat info{};
  if (::fstat(source.get(), &info) != 0) throw Failure(errno_error(errno, "descriptor"));
  const bool plain = S_ISREG(info.st_mode);
  std::unique_ptr<loop::Readiness> readiness;
  if (!plain) {
    ::fcntl(source.get(), F_SETFL, ::fcntl(source.get(), F_GETFL) | O_NONBLOCK);
    readiness = std::make_unique<loop::Readiness>(loop, source.get());
  }
  std::string buffer(256 * 1024, '\0');
  std::uint64_t had = 0;
  for (;;) {
    const auto got = ::read(source.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN && readiness) {
      co_await readiness->readable();
      continue;
    }
    if (got < 0) throw Failure(errno_error(errno, "read the given file"));
    if (got == 0) break;
    had += static_cast<std::uint64_t>(got);
    if (had > limit_bytes) throw_failure(Errc::kTooLarge, "the file is larger than {} bytes", limit_bytes);
    or_throw(write_all(target.get(), std::string_view(buffer.data(), static_cast<std::size_t>(got))));
    if (plain) co_await loop::sleep_for(loop, loop::Duration(0));
  }
  if (::fsync(target.get()) != 0) throw Failure(errno_error(errno, "write " + file));
  guard.keep = true;
  co_return had;
}

}  // namespace berth::manager
