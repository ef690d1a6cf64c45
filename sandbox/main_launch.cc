// berth-launch: puts the walls around an app service, starts its program behind them, and stays beside it as its init.
// The manager runs it, as root or in a user namespace, with the descriptors of launch_spec.h. It is a program of its own
// because between fork and exec of a large process next to nothing is allowed.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "base/file.h"
#include "base/passed_descriptors.h"
#include "sandbox/launch_notes.h"
#include "sandbox/launch_spec.h"
#include "sandbox/layers/file_view.h"
#include "sandbox/layers/identity.h"
#include "sandbox/layers/init.h"
#include "sandbox/layers/landlock.h"
#include "sandbox/layers/namespaces.h"
#include "sandbox/layers/own_network.h"
#include "sandbox/layers/seccomp_filter.h"

namespace berth::sandbox {
namespace {

constexpr int kCannotRun = 126;

[[noreturn]] void give_up(const std::string& why) {
  note_failed(kNotesFd, why);
  ::_exit(kCannotRun);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error().detail);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

LaunchSpec read_spec() {
  const auto size = ::lseek(kSpecFd, 0, SEEK_END);
  if (size <= 0 || size > (1 << 20)) give_up("berth-launch is for the manager, which tells it what to do");
  std::string text(static_cast<std::size_t>(size), '\0');
  if (::pread(kSpecFd, text.data(), text.size(), 0) != size) give_up("cannot read what to launch");
  return must(parse_launch_spec(text));
}

// One layer after the other, each reported as it is.
class Launcher {
 public:
  explicit Launcher(LaunchSpec spec) : spec_(std::move(spec)) {}

  [[noreturn]] void run() {
    hold_signals();
    keep_own_pid_readable();
    // While we are still in the machine's namespaces, with all rights.
    layer(Layer::kCgroup, [this](std::string&) { return join_cgroups(); });
    layer(Layer::kPids, [this](std::string&) { return check_pid_namespace(); });
    layer(Layer::kIpc, [](std::string&) { return leave_ipc(); });
    choose_network();
    layer(Layer::kMounts, [this](std::string& note) { return make_file_view(spec_, note); });
    layer(Layer::kLimits, [this](std::string&) { return set_limits(spec_.limits); });

    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) give_up("socketpair");
    const pid_t main = ::fork();
    if (main < 0) give_up(errno_error(errno, "fork").detail);
    if (main == 0) become_service(UniqueFd(pair[1]));
    ::close(pair[1]);
    become_init(main, UniqueFd(pair[0]));
  }

 private:
  // Runs `make` unless it is switched off, and notes what came of it.
  void layer(Layer which, const std::function<Result<void>(std::string& note)>& make) {
    const Wish wish = spec_.wish(which);
    const std::string name(name_of(which));
    if (wish == Wish::kOff) return note_layer(kNotesFd, {name, "off", "switched off by an admin"});
    std::string note;
    const auto made = make(note);
    if (made) return note_layer(kNotesFd, {name, "on", note});
    if (wish == Wish::kRequired) give_up(fmt::format("the sandbox has no {}: {}", name, made.error().detail));
    note_layer(kNotesFd, {name, "unavailable", made.error().detail});
  }

  // The pid of the service as the manager counts is told by the machine's own /proc only.
  void keep_own_pid_readable() {
    machine_proc_ = UniqueFd(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  pid_t own_pid_outside() const {
    char text[24] = {};
    if (::readlinkat(machine_proc_.get(), "self", text, sizeof text - 1) <= 0) return 0;
    return static_cast<pid_t>(std::strtol(text, nullptr, 10));
  }

  Result<void> join_cgroups() {
    if (spec_.cgroups.empty()) return fail(Errc::kUnsupported, "{}", spec_.cgroup_why);
    for (const auto& folder : spec_.cgroups) {
      const UniqueFd procs(::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
      if (!procs) return fail_errno(errno, "join " + folder);
      BERTH_TRY_VOID(write_all(procs.get(), "0"));
      note_cgroup(kNotesFd, folder);
    }
    return {};
  }

  void choose_network() {
    if (spec_.host_network) {
      const char* state = spec_.is_network_missed ? "unavailable" : "off";
      return note_layer(kNotesFd, {std::string(name_of(Layer::kNetwork)), state, spec_.network_why});
    }
    if (!spec_.own_network) return layer(Layer::kNetwork, [](std::string&) { return leave_network(); });
    bool has_own = false;
    layer(Layer::kNetwork, [&](std::string& note) -> Result<void> {
      BERTH_TRY_VOID(make_own_network(*spec_.own_network));
      note = spec_.own_network->note;
      has_own = true;
      return {};
    });
    if (has_own) return;
    // It shares the machine's, and so needs the machine's names.
    spec_.own_network.reset();
    spec_.host_network = true;
  }

  Result<void> check_pid_namespace() const {
    if (::getpid() == 1) return {};
    return fail(Errc::kUnsupported, "{}", spec_.pids_why);
  }

  // In the child: the rest of the walls, then the service's program.
  [[noreturn]] void become_service(UniqueFd to_init) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    note_main(kNotesFd, own_pid_outside());
    machine_proc_.reset();
    ::umask(027);
    drop_rights();
    // A change of user takes this back.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    layer(Layer::kLandlock, [this](std::string& note) { return restrict_access(spec_, note); });
    if (::chdir(spec_.directory.c_str()) != 0) give_up(errno_error(errno, "enter " + spec_.directory).detail);
    release_signals();

    std::vector<char*> arguments = {spec_.program.data()}, environment;
    for (auto& argument : spec_.arguments) arguments.push_back(argument.data());
    for (auto& entry : spec_.environment) environment.push_back(entry.data());
    arguments.push_back(nullptr);
    environment.push_back(nullptr);
    UniqueFd listener;
    layer(Layer::kSeccomp, [&listener](std::string&) -> Result<void> {
      BERTH_TRY(listener, install_seccomp_filter(kFilterFd));
      return {};
    });
    hand_over(to_init.get(), listener.get());
    for (const int fd : {kSpecFd, kFilterFd}) ::close(fd);
    for (const int fd : {kNotesFd, kReadyFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::execve(arguments[0], arguments.data(), environment.data());
    give_up(errno_error(errno, "run " + spec_.program).detail);
  }

  // Of the service's process and of its init alike, which is no more trusted.
  void drop_rights() {
    layer(Layer::kCapabilities, [](std::string&) { return empty_bounding_set(); });
    layer(Layer::kUser, [this](std::string&) -> Result<void> {
      if (spec_.uid == 0) return fail(Errc::kUnsupported, "the manager does not run as root");
      return become_user(spec_.uid, spec_.gid);
    });
    if (spec_.wish(Layer::kCapabilities) != Wish::kOff) must(drop_capabilities());
    layer(Layer::kPrivileges, [](std::string&) { return forbid_new_privileges(); });
  }

  // The listener goes to the init; without one, a word that there is none.
  static void hand_over(int socket, int listener) {
    char byte = 0;
    iovec data{&byte, 1};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    DescriptorRoom<1> room;
    if (listener >= 0) room.send_with(message, {&listener, 1});
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) != 1) give_up(errno_error(errno, "tell the init").detail);
  }

  static UniqueFd receive_listener(int socket) {
    char byte = 0;
    iovec data{&byte, 1};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    DescriptorRoom<1> room;
    room.receive_with(message);
    // 0: the service's process gave up; the init will see its end.
    if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return UniqueFd();
    auto passed = take_descriptors(message);
    return passed.empty() ? UniqueFd() : std::move(passed.front());
  }

  [[noreturn]] void become_init(pid_t main, UniqueFd from_service) {
    machine_proc_.reset();
    for (const int fd : {kSpecFd, kFilterFd, kReadyFd}) ::close(fd);
    // Not even its own children may look into it: it holds the descriptor that answers for the filter.
    if (spec_.uid != 0 && spec_.wish(Layer::kUser) != Wish::kOff) {
      (void)empty_bounding_set();
      if (const auto done = become_user(spec_.uid, spec_.gid); !done) ::_exit(kCannotRun);
    }
    if (spec_.wish(Layer::kCapabilities) != Wish::kOff && !drop_capabilities()) ::_exit(kCannotRun);
    (void)forbid_new_privileges();
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    auto listener = receive_listener(from_service.get());
    from_service.reset();
    run_init(main, std::move(listener), kNotesFd);
  }

  LaunchSpec spec_;
  UniqueFd machine_proc_;
};

}  // namespace
}  // namespace berth::sandbox

int main() {
  using namespace berth::sandbox;
  Launcher(read_spec()).run();
}
