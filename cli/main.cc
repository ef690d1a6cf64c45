#include <csignal>

#include "cli/program.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return berth::cli::run(argc, argv, berth::cli::Terminal::detect(), stdout, stderr);
}
