#include "manager/control/webserver_successor.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/passed_descriptors.h"
#include "base/text.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMostReactors = 64;
constexpr std::size_t kMostSockets = 3;  // of a reactor
constexpr auto kCheckLimit = 20s;

}  // namespace

Task<std::vector<Listeners>> fetch_listeners(std::function<ControlPeer&()> peer) {
  std::vector<Listeners> all;
  for (std::int64_t reactor = 0, count = 1; reactor < count; ++reactor) {
    json::Object request{{"mt", "GetListeners"}, {"reactor", reactor}};
    auto answer = co_await peer().ask_whole(std::move(request));
    count = std::min(json::get_integer(answer.body, "reactors"), kMostReactors);
    Listeners one;
    one.http = static_cast<int>(json::get_integer(answer.body, "http"));
    one.https = static_cast<int>(json::get_integer(answer.body, "https"));
    one.sockets = std::move(answer.descriptors);
    const std::size_t expected = 1U + (one.http ? 1U : 0U) + (one.https ? 1U : 0U);
    if (one.sockets.size() != expected)
      throw_failure(Errc::kFailed, "the webserver gave {} of its {} listening sockets", one.sockets.size(),
                    expected);
    all.push_back(std::move(one));
  }
  co_return all;
}

UniqueFd post_listeners(std::vector<Listeners> listeners) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw Failure(errno_error(errno, "socketpair"));
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  for (const auto& one : listeners) {
    std::string text = json::serialize(json::Object{{"http", one.http}, {"https", one.https}});
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    std::vector<int> numbers;
    for (const auto& socket : one.sockets) numbers.push_back(socket.get());
    DescriptorRoom<kMostSockets> room;
    room.send_with(message, numbers);
    // 64 short messages fit the socket's buffer: nobody reads yet.
    if (::sendmsg(ours.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
      throw Failure(errno_error(errno, "pass the listening sockets on"));
  }
  return theirs;
}

Task<std::string> check_webserver(loop::Loop& loop, std::string program) {
  loop::CommandOptions command;
  command.spawn.program = program;
  command.spawn.arguments = {"--version"};
  auto running = loop::run_command(loop, std::move(command));
  const auto result =
      co_await loop::with_timeout(loop, kCheckLimit, std::move(running), program + " --version");
  const std::string_view words = trim(result.output);
  constexpr std::string_view kName = "berth-webserver ";
  if (!result.status.is_success() || !words.starts_with(kName))
    throw_failure(Errc::kFailed, "{} cannot take over: {}{}; the webserver goes on as it is", program,
                  result.status.describe(),
                  result.errors.empty() ? "" : ": " + result.errors.substr(0, result.errors.find('\n')));
  co_return std::string(words.substr(kName.size()));
}

bool is_another_program(pid_t pid, const std::string& program) {
  struct stat running{}, there{};
  return ::stat(fmt::format("/proc/{}/exe", pid).c_str(), &running) == 0 &&
         ::stat(program.c_str(), &there) == 0 &&
         (running.st_dev != there.st_dev || running.st_ino != there.st_ino);
}

}  // namespace berth::manager
