#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "tests/escape/attempt.h"

namespace berth::escape {
namespace {

// All of them are bounded: a machine without walls must survive them, too.
constexpr int kFiles = 10'000, kTasks = 200;
constexpr std::size_t kMemory = std::size_t{768} << 20, kStep = std::size_t{1} << 20;

int take_memory(const Facts&) {
  for (std::size_t taken = 0; taken < kMemory; taken += kStep) {
    auto* memory = static_cast<volatile char*>(
        ::mmap(nullptr, kStep, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory == MAP_FAILED) return errno;
    for (std::size_t at = 0; at < kStep; at += 4096) memory[at] = 1;
  }
  return 0;
}

Outcome take_tasks(const Facts&) {
  std::vector<pid_t> children;
  int number = 0;
  while (children.size() < kTasks) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::pause();
      ::_exit(0);
    }
    if (child < 0) {
      number = errno;
      break;
    }
    children.push_back(child);
  }
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  errno = number;
  return number ? of_call(-1) : Outcome{false, "it worked"};
}

Outcome take_files(const Facts&) {
  std::vector<int> files;
  int number = 0;
  while (files.size() < kFiles) {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      number = errno;
      break;
    }
    files.push_back(fd);
  }
  for (const int fd : files) ::close(fd);
  errno = number;
  return number ? of_call(-1) : Outcome{false, "it worked"};
}

}  // namespace

std::vector<Attempt> greedy_attempts() {
  return {
      {"open 10,000 files", take_files},
      {"start 200 processes", take_tasks},
      {"take 768 MiB of memory", [](const Facts& facts) { return in_child(take_memory, facts); }},
  };
}

}  // namespace berth::escape
