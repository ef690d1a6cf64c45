#include <fcntl.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "tests/escape/attempt.h"

namespace berth::escape {
namespace {

int new_user_namespace(const Facts&) { return ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno; }

// A call with arguments that cannot do harm: whoever may make it gets another error than EPERM or ENOSYS.
Outcome of_gate(long result) {
  if (result < 0 && (errno == EPERM || errno == ENOSYS || errno == EACCES)) return of_call(result);
  return {false, result < 0 ? "the kernel looked at it" : "it worked"};
}

}  // namespace

std::vector<Attempt> kernel_attempts() {
  return {
      {"mount a file system",
       [](const Facts&) { return of_call(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr)); }},
      {"change the root folder", [](const Facts&) { return of_call(::chroot("/tmp")); }},
      {"make a user namespace", [](const Facts& facts) { return in_child(new_user_namespace, facts); }},
      {"load a kernel module", [](const Facts&) { return of_gate(::syscall(SYS_finit_module, -1, "", 0)); }},
      {"load a program into the kernel (bpf)",
       [](const Facts&) { return of_gate(::syscall(SYS_bpf, 5, nullptr, 0)); }},
      {"use the kernel's keyrings",
       [](const Facts&) { return of_call(::syscall(SYS_add_key, "user", "berth-escape", "x", 1, -3)); }},
      {"use io_uring", [](const Facts&) { return of_gate(::syscall(SYS_io_uring_setup, 1, nullptr)); }},
      {"measure other processes (perf)",
       [](const Facts&) { return of_gate(::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0)); }},
      {"handle page faults (userfaultfd)",
       [](const Facts&) {
         const auto fd = ::syscall(SYS_userfaultfd, O_CLOEXEC | 1);
         const auto outcome = of_call(fd);
         if (fd >= 0) ::close(static_cast<int>(fd));
         return outcome;
       }},
      {"open files by handle",
       [](const Facts&) { return of_gate(::syscall(SYS_open_by_handle_at, -1, nullptr, 0)); }},
      {"ask for the kernel's log", [](const Facts&) { return of_call(::klogctl(10, nullptr, 0)); }},
      {"attach shared memory of the machine",
       [](const Facts& facts) {
         void* memory = ::shmat(std::atoi(fact(facts, "shared-memory").c_str()), nullptr, SHM_RDONLY);
         const auto outcome = of_call(memory == reinterpret_cast<void*>(-1) ? -1 : 0);
         if (!outcome.refused) ::shmdt(memory);
         return outcome;
       }},
  };
}

}  // namespace berth::escape
