#pragma once

#include <chrono>
#include <string>

#include "cli/command.h"
#include "cli/output.h"

namespace berth::cli {

// Options that every command takes.
struct GlobalOptions {
  std::string root;           // --root, BERTH_ROOT, else "/"
  std::string url;            // --url; if set, instead of the root
  std::string password_file;  // --login-password-file: of --url
  bool insecure = false;
  std::string fingerprint;
  Format format = Format::kTable;
  bool no_color = false;

  // Of commands that change something.
  bool dry_run = false;
  bool yes = false;
  bool wait = true;
  std::chrono::seconds timeout{0};  // 0: the command's own
};

struct ParsedLine {
  const Command* command = nullptr;
  GlobalOptions options;
  Arguments arguments;
};

// Reads the command line. Throws UsageError with what is wrong and how it is right; if help or the
// version was asked for, command is null and `text` is what to print.
ParsedLine parse_line(int argc, const char* const* argv, std::string& text);

}  // namespace berth::cli
