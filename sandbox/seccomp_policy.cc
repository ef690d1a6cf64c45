#include "sandbox/seccomp_policy.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/unique_fd.h"

namespace berth::sandbox {
namespace {

// By what they are for. Names that an architecture or an older libseccomp does not have are passed over: they stay refused.
constexpr std::string_view kMemory =
    "brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall "
    "membarrier "
    "pkey_alloc pkey_free pkey_mprotect memfd_create mbind get_mempolicy set_mempolicy map_shadow_stack";
constexpr std::string_view kFiles =
    "open openat openat2 close close_range creat read write readv writev pread64 pwrite64 preadv pwritev "
    "preadv2 pwritev2 "
    "lseek _llseek dup dup2 dup3 fcntl fcntl64 flock fsync fdatasync sync_file_range sync_file_range2 syncfs "
    "fallocate "
    "truncate truncate64 ftruncate ftruncate64 stat stat64 lstat lstat64 fstat fstat64 newfstatat fstatat64 "
    "statx statfs "
    "statfs64 fstatfs fstatfs64 access faccessat faccessat2 readlink readlinkat getdents getdents64 getcwd "
    "chdir fchdir "
    "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat chmod "
    "fchmod fchmodat "
    "fchmodat2 chown fchown lchown fchownat chown32 fchown32 lchown32 umask utime utimes utimensat "
    "utimensat_time64 "
    "futimesat getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr "
    "removexattr "
    "lremovexattr fremovexattr fadvise64 fadvise64_64 arm_fadvise64_64 readahead copy_file_range sendfile "
    "sendfile64 "
    "splice tee vmsplice inotify_init inotify_init1 inotify_add_watch inotify_rm_watch cachestat sync";
constexpr std::string_view kWaiting =
    "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 epoll_ctl_old epoll_wait_old "
    "poll ppoll "
    "ppoll_time64 select _newselect pselect6 pselect6_time64 eventfd eventfd2 signalfd signalfd4 "
    "timerfd_create "
    "timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64 pipe pipe2 futex futex_time64 "
    "futex_waitv "
    "get_robust_list set_robust_list io_setup io_submit io_cancel io_destroy io_getevents io_pgetevents "
    "io_pgetevents_time64 restart_syscall pause";
constexpr std::string_view kTime =
    "clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep clock_nanosleep_time64 "
    "gettimeofday "
    "nanosleep time times getitimer setitimer alarm timer_create timer_settime timer_settime64 timer_gettime "
    "timer_gettime64 timer_getoverrun timer_delete";
constexpr std::string_view kSignals =
    "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 "
    "rt_sigqueueinfo rt_tgsigqueueinfo sigaction sigprocmask sigreturn sigsuspend sigpending sigaltstack "
    "kill tkill tgkill "
    "pidfd_open pidfd_send_signal";
constexpr std::string_view kProcess =
    "fork vfork wait4 waitid waitpid exit exit_group getpid getppid gettid getpgid getpgrp getsid setpgid "
    "setsid getuid "
    "getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid "
    "getresgid32 getgroups "
    "getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid "
    "setresuid32 setresgid "
    "setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 capget capset prctl arch_prctl seccomp "
    "landlock_create_ruleset "
    "landlock_add_rule landlock_restrict_self set_tid_address set_thread_area get_thread_area rseq getrlimit "
    "ugetrlimit "
    "setrlimit prlimit64 getrusage sysinfo uname getrandom getcpu getpriority setpriority ioprio_get "
    "ioprio_set "
    "sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler "
    "sched_get_priority_max "
    "sched_get_priority_min sched_rr_get_interval sched_getattr set_tls get_tls cacheflush";
// What other processes of its own IPC namespace, or sockets, bring.
constexpr std::string_view kExchange =
    "shmget shmat shmdt shmctl semget semop semtimedop semtimedop_time64 semctl msgget msgsnd msgrcv msgctl "
    "ipc mq_open "
    "mq_unlink mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64 mq_notify "
    "mq_getsetattr socketpair "
    "bind connect listen accept accept4 getsockname getpeername sendto recvfrom sendmsg recvmsg sendmmsg "
    "recvmmsg "
    "recvmmsg_time64 send recv setsockopt getsockopt shutdown";

struct GroupCalls {
  SeccompGroup group;
  std::string_view calls;
};
const std::vector<GroupCalls>& group_calls() {
  static const std::vector<GroupCalls> groups = {
      {{"exec", "runs other programs"}, "execve execveat"},
      {{"debug", "looks into its own processes"},
       "ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp"},
      {{"io_uring", "uses io_uring, which seccomp cannot look into"},
       "io_uring_setup io_uring_enter io_uring_register"},
      {{"realtime", "asks for real-time scheduling"}, "sched_setscheduler sched_setparam sched_setattr"},
  };
  return groups;
}

using Filter = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

Result<void> add(const Filter& filter, std::uint32_t action, int call,
                 std::vector<scmp_arg_cmp> conditions = {}) {
  const int done =
      ::seccomp_rule_add_array(filter.get(), action, call, static_cast<unsigned>(conditions.size()),
                               conditions.empty() ? nullptr : conditions.data());
  if (done != 0 && done != -EEXIST)
    return fail_errno(-done, fmt::format("filter rule for {}", name_of_call(call)));
  return {};
}

Result<void> allow(const Filter& filter, std::string_view names) {
  for (std::size_t at = 0; at < names.size();) {
    const auto end = std::min(names.find(' ', at), names.size());
    const std::string name(names.substr(at, end - at));
    at = end + 1;
    const int call = ::seccomp_syscall_resolve_name(name.c_str());
    // Negative numbers stand for calls that this architecture does not have.
    if (call < 0) continue;
    BERTH_TRY_VOID(add(filter, SCMP_ACT_ALLOW, call));
  }
  return {};
}

// Calls that are harmless or not, by their arguments.
Result<void> allow_by_argument(const Filter& filter, bool network) {
  // No new namespaces: they are the way to a large part of the kernel that is not made for untrusted users.
  constexpr std::uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                        CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
  BERTH_TRY_VOID(add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), {SCMP_A0(SCMP_CMP_MASKED_EQ, kNamespaces, 0)}));
  BERTH_TRY_VOID(add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3)));
  constexpr int kUnix = 1, kInet = 2, kInet6 = 10, kNetlink = 16, kNetlinkRoute = 0;
  BERTH_TRY_VOID(add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), {SCMP_A0(SCMP_CMP_EQ, kUnix)}));
  if (network) {
    for (const int family : {kInet, kInet6}) {
      constexpr std::uint64_t kTypes = 0xf, kStream = 1, kDatagram = 2;
      for (const auto type : {kStream, kDatagram})
        BERTH_TRY_VOID(add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket),
                           {SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)),
                            SCMP_A1(SCMP_CMP_MASKED_EQ, kTypes, type)}));
    }
    // Name lookup asks which families the machine has.
    BERTH_TRY_VOID(add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket),
                       {SCMP_A0(SCMP_CMP_EQ, kNetlink), SCMP_A2(SCMP_CMP_EQ, kNetlinkRoute)}));
  }
  // Nothing that types into a terminal (TIOCSTI, TIOCLINUX) and nothing of devices: what files and sockets know.
  for (const unsigned long request :
       {FIONREAD, FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ, TIOCGPGRP, TIOCOUTQ})
    BERTH_TRY_VOID(add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl),
                       {SCMP_A1_32(SCMP_CMP_EQ, static_cast<std::uint32_t>(request))}));
  // mkfifo(3) and plain files; no devices.
  for (const mode_t kind : {S_IFREG, S_IFIFO, S_IFSOCK}) {
    BERTH_TRY_VOID(
        add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mknodat), {SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, kind)}));
    if (SCMP_SYS(mknod) >= 0)
      BERTH_TRY_VOID(
          add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mknod), {SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, kind)}));
  }
  for (const std::uint32_t persona : {std::uint32_t{PER_LINUX}, std::uint32_t{0xffffffff}})
    BERTH_TRY_VOID(add(filter, SCMP_ACT_ALLOW, SCMP_SYS(personality), {SCMP_A0_32(SCMP_CMP_EQ, persona)}));
  return {};
}

Result<std::vector<sock_filter>> program_of(const Filter& filter) {
  const UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return fail_errno(errno, "filter program");
  if (const int done = ::seccomp_export_bpf(filter.get(), file.get()); done != 0)
    return fail_errno(-done, "filter program");
  const auto size = static_cast<std::size_t>(::lseek(file.get(), 0, SEEK_END));
  std::vector<sock_filter> program(size / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), size, 0) != static_cast<ssize_t>(size))
    return fail_errno(errno, "filter program");
  return program;
}

}  // namespace

const std::vector<SeccompGroup>& seccomp_groups() {
  static const std::vector<SeccompGroup> groups = [] {
    std::vector<SeccompGroup> names;
    for (const auto& one : group_calls()) names.push_back(one.group);
    return names;
  }();
  return groups;
}

Result<std::vector<sock_filter>> make_seccomp_filter(const SeccompWishes& wishes) {
  const Filter filter(::seccomp_init(SCMP_ACT_NOTIFY), ::seccomp_release);
  if (!filter) return fail(Errc::kFailed, "no memory for a filter");
  ::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree instead of a list
  for (const auto calls : {kMemory, kFiles, kWaiting, kTime, kSignals, kProcess, kExchange})
    BERTH_TRY_VOID(allow(filter, calls));
  BERTH_TRY_VOID(allow_by_argument(filter, wishes.network));
  for (const auto& name : wishes.groups) {
    bool is_known = false;
    for (const auto& one : group_calls()) {
      if (one.group.name != name) continue;
      is_known = true;
      BERTH_TRY_VOID(allow(filter, one.calls));
    }
    if (!is_known) return fail(Errc::kMalformed, "there is no group of system calls \"{}\"", name);
  }
  return program_of(filter);
}

std::string name_of_call(int number) {
  const std::unique_ptr<char, void (*)(void*)> name(
      ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number), ::free);
  return name ? std::string(name.get()) : fmt::format("call {}", number);
}

std::string_view group_of_call(int number) {
  const std::string name = name_of_call(number);
  for (const auto& one : group_calls()) {
    const std::string padded = fmt::format(" {} ", one.calls);
    if (padded.find(" " + name + " ") != std::string::npos) return one.group.name;
  }
  return {};
}

}  // namespace berth::sandbox
