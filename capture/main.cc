// berth-capture: the capture server that the manager runs while an admin has it switched on.
//
//   berth-capture --listen IP --port N --until SECONDS-SINCE-1970 --allow IP[,IP…] --password-fd N
//                 [--interface NAME[,NAME…]] [--user NAME] [--uid N]
//
// Keeps CAP_NET_RAW and nothing else. Ends by itself at its time.
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "capture/server.h"
#include "loop/process.h"

namespace berth::capture {
namespace {

constexpr int kUsage = 2;

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> list;
  for (const auto part : split(text, ','))
    if (!trim(part).empty()) list.emplace_back(trim(part));
  return list;
}

// CAP_NET_RAW stays, under another user, for good.
void give_up_rights(uid_t uid) {
  const auto check = [](int result, const char* what) {
    if (result != 0) throw Failure(errno_error(errno, what));
  };
  check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
  if (uid != 0 && ::geteuid() == 0) {
    check(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities");
    check(::setgroups(0, nullptr), "groups");
    check(::setresgid(uid, uid, uid), "group");
    check(::setresuid(uid, uid, uid), "user");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct kept[2]{};
  if (::syscall(SYS_capget, &header, kept) != 0) throw Failure(errno_error(errno, "capabilities"));
  const std::uint32_t raw = kept[0].permitted & (1u << CAP_NET_RAW);
  const __user_cap_data_struct wanted[2] = {{raw, raw, 0}, {0, 0, 0}};
  check(static_cast<int>(::syscall(SYS_capset, &header, wanted)), "capabilities");
  const rlimit files{64, 64}, none{0, 0};
  check(::setrlimit(RLIMIT_NOFILE, &files), "limit of files");
  check(::setrlimit(RLIMIT_CORE, &none), "limit of core dumps");
}

std::string read_password(const std::string& descriptor) {
  const auto number = parse_integer(descriptor);
  if (!number) throw_failure(Errc::kMalformed, "--password-fd: a number is expected");
  const UniqueFd fd(static_cast<int>(*number));
  std::string text(1024, '\0');
  const auto got = ::read(fd.get(), text.data(), text.size());
  // An empty one would let everybody in.
  if (got <= 0 || static_cast<std::size_t>(got) == text.size())
    throw_failure(Errc::kMalformed, "--password-fd: a password of 1 to {} bytes is expected",
                  text.size() - 1);
  text.resize(static_cast<std::size_t>(got));
  return text;
}

loop::Task<void> serve_until(loop::Loop& loop, Server& server, std::chrono::seconds left) {
  loop::Signals signals(loop, {SIGTERM, SIGINT});
  loop::Spawned<void> serving(loop, server.serve());
  loop::Spawned<int> asked(loop, signals.next());
  loop::Timer timer(loop);
  timer.start(left, [&asked] { asked.done().set(); });
  co_await asked.done().wait();
}

int run(int argc, char** argv) {
  std::map<std::string, std::string, std::less<>> given;
  for (int i = 1; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  for (const char* name : {"--listen", "--port", "--until", "--allow", "--password-fd"})
    if (!given.contains(name)) {
      std::fprintf(stderr, "berth-capture is for the manager: %s is missing\n", name);
      return kUsage;
    }
  const auto number = [&](const char* name) { return parse_integer(given[name]).value_or(-1); };
  ServerOptions options;
  const auto port = number("--port");
  if (port < 0 || port > 65'535) throw_failure(Errc::kMalformed, "--port: a port is expected");
  options.address = or_throw(net::Address::parse(given["--listen"], static_cast<std::uint16_t>(port)));
  options.allowed = list_of(given["--allow"]);
  options.interfaces = list_of(given["--interface"]);
  options.user = given["--user"];
  options.password = read_password(given["--password-fd"]);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto left = std::chrono::seconds(number("--until")) - std::chrono::floor<std::chrono::seconds>(now);

  loop::Loop loop;
  Server server(loop, std::move(options));
  give_up_rights(given.contains("--uid") ? static_cast<uid_t>(number("--uid")) : 0);
  std::printf("listening on %s\n", server.address().format().c_str());
  std::fflush(stdout);
  if (left.count() > 0) loop::run_task(loop, serve_until(loop, server, left));
  return 0;
}

}  // namespace
}  // namespace berth::capture

int main(int argc, char** argv) {
  try {
    return berth::capture::run(argc, argv);
  } catch (...) {
    std::fprintf(stderr, "%s\n", berth::current_error().detail.c_str());
    return 1;
  }
}
