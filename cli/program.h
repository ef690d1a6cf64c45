#pragma once

#include <cstdio>

#include "cli/output.h"

namespace berth::cli {

// The whole program: reads the line, runs the command, tells failures. Gives the exit code. Ctrl-C ends it
// with 130, leaving nothing half-written; work of the manager goes on.
int run(int argc, const char* const* argv, Terminal terminal, std::FILE* out, std::FILE* error);

}  // namespace berth::cli
