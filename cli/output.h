// Where a command's words go: results to stdout, everything else to stderr.
#pragma once

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "api/json.h"
#include "api/state.h"
#include "cli/table.h"

namespace berth::cli {

enum class Format { kTable, kJson, kQuiet };

// What the surroundings are; tests make their own.
struct Terminal {
  bool out_is_terminal = false;
  bool error_is_terminal = false;
  bool in_is_terminal = false;
  std::size_t width = 0;  // columns; 0: unknown, no limit
  bool color = false;
  std::optional<std::chrono::sys_seconds> now;  // of tests; else the clock, which goes on while we wait

  // Asks isatty(3), the window size and the variables NO_COLOR, TERM and COLUMNS.
  static Terminal detect();
};

class Output {
 public:
  Output(Format format, Terminal terminal, std::FILE* out = stdout, std::FILE* error = stderr)
      : format_(format), terminal_(terminal), out_(out), error_(error) {}

  Format format() const { return format_; }
  bool is_json() const { return format_ == Format::kJson; }
  bool is_quiet() const { return format_ == Format::kQuiet; }
  const Terminal& terminal() const { return terminal_; }
  std::chrono::sys_seconds now() const {
    return terminal_.now.value_or(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  }

  // A result: one line of JSON, or several for a person's eyes on a terminal.
  void print_json(const api::Json& value);
  void print(std::string_view text);
  void print_line(std::string_view line);
  void print_table(const Table& table);
  std::string painted(std::string_view text, Style style) const {
    return paint(text, style, terminal_.color);
  }

  // To stderr; not when quiet.
  void note(std::string_view line);
  void warn(std::string_view line);
  // One line that is written over; only on a terminal. Empty takes it away.
  void progress(std::string_view line);
  // "berth: text", or {"error", "errorCode"} with --json.
  void error(const Error& error);

 private:
  Format format_;
  Terminal terminal_;
  std::FILE* out_;
  std::FILE* error_;
  bool progress_shown_ = false;
};

Style style_of(api::ServiceState state);
Style style_of(api::InstanceState state);
Style style_of(api::PlatformState state);
Style style_of(api::JobState state);
Style style_of(api::Severity severity);

// "● running" in its colour.
template <api::Worded State>
Cell state_cell(State state) {
  return Cell(fmt::format("● {}", api::word_of(state)), style_of(state));
}

}  // namespace berth::cli
