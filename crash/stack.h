// The stack of a dead process: the calls that had not returned, with names (elfutils' libdw).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace berth::crash {

struct Frame {
  std::string function;  // demangled, without its arguments; empty: unknown
  std::string place;     // "notes.cc:120"; empty: unknown
  std::string module;    // file name of the program or library
  std::string address;   // within the module, "0x1f3a0"
};

struct Stack {
  std::vector<Frame> frames;  // innermost first, of the thread that crashed
  std::size_t threads = 0;
};

inline constexpr std::size_t kMostFrames = 64;

// Of the core dump behind `fd`, which must be a file. Finds program and libraries by their paths in the dump, and their debug
// information beside them (".debug", the program's name and ".debug") or below /usr/lib/debug. kMalformed with libdw's reason.
Result<Stack> read_stack(int fd);

// Where an app's author looks first: the innermost frame that is not of the machinery of abort() and of failed checks, and
// not of the system's libraries; else the innermost one that has a name. -1 if there is none.
int find_own_frame(const std::vector<Frame>& frames);

// Names the crash, whatever the build: the same for the same cause at the same calls. 16 hexadecimal digits.
std::string group_of(std::string_view service, std::string_view cause, const std::vector<Frame>& frames);

}  // namespace berth::crash
