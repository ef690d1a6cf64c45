#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "tests/escape/attempt.h"

namespace berth::escape {
namespace {

pid_t pid_of(const Facts& facts, const char* name) { return std::atoi(fact(facts, name).c_str()); }

Outcome attach(pid_t pid) {
  const auto outcome = of_call(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr));
  if (!outcome.refused) ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return outcome;
}

int run_program(const Facts&) {
  char name[] = "/usr/bin/true";
  char* arguments[] = {name, nullptr};
  ::execv(name, arguments);
  return errno;
}

// As a copy in memory, which has no place in the file system that could forbid it.
int run_from_memory(const Facts&) {
  const int memory = ::memfd_create("program", 0), file = ::open("/usr/bin/true", O_RDONLY);
  char buffer[65536];
  ssize_t got;
  while ((got = ::read(file, buffer, sizeof buffer)) > 0)
    if (::write(memory, buffer, static_cast<std::size_t>(got)) != got) return errno;
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  char* environment[] = {nullptr};
  ::fexecve(memory, arguments, environment);
  return errno;
}

}  // namespace

std::vector<Attempt> process_attempts() {
  return {
      {"read another service's environment",
       [](const Facts& facts) {
         return open_file("/proc/" + fact(facts, "neighbour-pid") + "/environ", O_RDONLY);
       }},
      {"write another service's memory",
       [](const Facts& facts) {
         return open_file("/proc/" + fact(facts, "neighbour-pid") + "/mem", O_RDWR);
       }},
      {"attach to another service as a debugger",
       [](const Facts& facts) { return attach(pid_of(facts, "neighbour-pid")); }},
      {"attach to its own init as a debugger", [](const Facts&) { return attach(::getppid()); }},
      {"stop another service",
       [](const Facts& facts) { return of_call(::kill(pid_of(facts, "neighbour-pid"), SIGTERM)); }},
      {"learn whether a process of the machine exists",
       [](const Facts& facts) -> Outcome {
         if (::kill(pid_of(facts, "manager-pid"), 0) == 0 || errno == EPERM) return {false, "it exists"};
         return {true, "ESRCH"};
       }},
      {"signal its own init", [](const Facts&) { return of_call(::kill(::getppid(), SIGCONT)); }},
      {"run another program", [](const Facts& facts) { return in_child(run_program, facts); }},
      {"run a program from memory", [](const Facts& facts) { return in_child(run_from_memory, facts); }},
      {"become more by a setuid program",
       [](const Facts&) -> Outcome {
         if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return {true, "no_new_privs"};
         return {false, "no_new_privs is not set"};
       }},
      {"have or get a capability",
       [](const Facts&) -> Outcome {
         for (int capability = 0; capability < 64; ++capability)
           if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
             return {false, "the bounding set is not empty"};
         return {true, "empty bounding set"};
       }},
      {"type into a terminal",
       [](const Facts&) {
         char letter = 'x';
         const int terminal = ::open("/dev/tty", O_RDWR);
         const auto outcome = of_call(::ioctl(terminal >= 0 ? terminal : 0, TIOCSTI, &letter));
         if (terminal >= 0) ::close(terminal);
         return outcome;
       }},
      {"use a descriptor that the manager left open",
       [](const Facts& facts) -> Outcome {
         const auto count = fact(facts, "descriptors");
         return {count == "0", count + " at the start"};
       }},
  };
}

}  // namespace berth::escape
