#include "sandbox/seccomp_policy.h"

#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

namespace berth::sandbox {
namespace {

// What the kernel does with a program is asked of the kernel: errno of `call` in a child under `wishes`, 0 if it worked.
// (What is held back has nobody who answers: once its listener is closed, it fails with ENOSYS.)
int errno_under(const SeccompWishes& wishes, const std::function<long()>& call) {
  auto program = make_seccomp_filter(wishes).value();
  const pid_t child = ::fork();
  if (child == 0) {
    const sock_fprog described{static_cast<unsigned short>(program.size()), program.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const auto listener =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &described);
    if (listener < 0) ::_exit(250);
    ::close(static_cast<int>(listener));
    errno = 0;
    ::_exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(SeccompPolicy, AServiceDoesItsWork) {
  EXPECT_EQ(errno_under({}, [] { return ::syscall(SYS_memfd_create, "x", 0); }), 0);
  EXPECT_EQ(errno_under({}, [] { return static_cast<long>(::socket(AF_UNIX, SOCK_STREAM, 0)); }), 0);
  EXPECT_EQ(errno_under({}, [] { return static_cast<long>(::fork()); }), 0);
}

TEST(SeccompPolicy, TheRestIsHeldBack) {
  EXPECT_EQ(errno_under({}, [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }), ENOSYS);
  EXPECT_EQ(errno_under({}, [] { return static_cast<long>(::socket(AF_INET, SOCK_STREAM, 0)); }), ENOSYS);
  char letter = 'x';
  EXPECT_EQ(errno_under({}, [&] { return static_cast<long>(::ioctl(0, TIOCSTI, &letter)); }), ENOSYS);
  EXPECT_EQ(
      errno_under({},
                  [] { return ::syscall(SYS_clone, 0x10000000 /* CLONE_NEWUSER */ | SIGCHLD, 0, 0, 0, 0); }),
      ENOSYS);
  EXPECT_EQ(errno_under({}, [] { return ::syscall(SYS_clone3, nullptr, 0); }), ENOSYS);
}

TEST(SeccompPolicy, WhatAPackageAsksForIsAllowed) {
  EXPECT_EQ(errno_under({{}, true},
                        [] { return static_cast<long>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }),
            0);
  EXPECT_EQ(errno_under({{}, true}, [] { return static_cast<long>(::socket(AF_INET, SOCK_RAW, 6)); }),
            ENOSYS);
  EXPECT_EQ(
      errno_under({{"exec"}, false}, [] { return ::syscall(SYS_execve, "/nowhere", nullptr, nullptr); }),
      ENOENT);
  EXPECT_FALSE(make_seccomp_filter({{"everything"}, false}));
}

TEST(SeccompPolicy, CallsAndGroupsHaveNames) {
  EXPECT_EQ(name_of_call(SYS_bpf), "bpf");
  EXPECT_EQ(group_of_call(SYS_execve), "exec");
  EXPECT_EQ(group_of_call(SYS_bpf), "");
  EXPECT_EQ(name_of_call(99999), "call 99999");
}

}  // namespace
}  // namespace berth::sandbox
