#include "sandbox/layers/descendants.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/unique_fd.h"

namespace berth::sandbox {
namespace {

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
  ~Pipe() { close_writing(), ::close(ends[0]); }
  void close_writing() {
    if (ends[1] >= 0) ::close(ends[1]);
    ends[1] = -1;
  }
  int ends[2];
};

// Holds the pipe open as long as it lives.
[[noreturn]] void stay() {
  for (;;) ::pause();
}

TEST(Descendants, EndWithTheOneThatTookThemInHoweverTheyHide) {
  Pipe alive, begun;
  const pid_t keeper = ::fork();
  if (keeper == 0) {
    if (!take_in_orphans()) ::_exit(1);
    if (::fork() == 0) {  // its child, in the background
      ::write(begun.ends[1], "a", 1);
      stay();
    }
    if (::fork() == 0) {  // a double fork, in a session of its own, that hears no signal
      ::setsid();
      if (::fork() == 0) {
        ::signal(SIGTERM, SIG_IGN);
        if (::fork() == 0) {
          ::write(begun.ends[1], "b", 1);
          stay();
        }
        ::write(begun.ends[1], "c", 1);
        stay();
      }
      ::_exit(0);
    }
    char three[3];
    for (int had = 0; had < 3;) had += static_cast<int>(::read(begun.ends[0], three, sizeof three));
    end_descendants();
    ::_exit(0);
  }
  alive.close_writing();
  begun.close_writing();
  int status = 0;
  ASSERT_EQ(::waitpid(keeper, &status, 0), keeper);
  EXPECT_EQ(status, 0);
  char byte;
  EXPECT_EQ(::read(alive.ends[0], &byte, 1), 0) << "somebody still holds the pipe";
}

TEST(Descendants, ThereMayBeNone) { end_descendants(); }

}  // namespace
}  // namespace berth::sandbox
