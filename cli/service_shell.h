// A shell within a service's sandbox, beside the service.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace berth::cli {

struct ShellPlace {
  std::string service;
  pid_t pid = 0;  // of the service's program
  uid_t uid = 0;
  std::string directory;
  // Nobody stays longer, whatever has become of the platform. Absent: until it is ended.
  std::optional<std::chrono::system_clock::time_point> ends;
};

// Runs sh there, or `sh -c command` if that is not empty, between our standard input, output and error and pipes or a terminal of its
// own: none of our descriptors goes in, so that nothing in there can type into the admin's terminal. Gives its exit code, as a shell
// tells it; 126 if it cannot be run, with the reason on standard error. Whatever was started in there ends with it. Blocks, and
// changes our terminal: to be called in a child process, at whose end the shell ends.
int run_service_shell(const ShellPlace& place, const std::string& command);

}  // namespace berth::cli
