#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "api/pretty.h"
#include "base/text.h"

namespace berth::cli {

Terminal Terminal::detect() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string_view(value ? value : "");
  };
  Terminal terminal;
  terminal.out_is_terminal = ::isatty(STDOUT_FILENO);
  terminal.error_is_terminal = ::isatty(STDERR_FILENO);
  terminal.in_is_terminal = ::isatty(STDIN_FILENO);
  terminal.color = terminal.out_is_terminal && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  winsize size{};
  if (terminal.out_is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
    terminal.width = size.ws_col;
  if (const auto columns = parse_integer(variable("COLUMNS")); columns && *columns > 0)
    terminal.width = static_cast<std::size_t>(*columns);
  return terminal;
}

void Output::print(std::string_view text) {
  progress("");
  std::fwrite(text.data(), 1, text.size(), out_);
}

void Output::print_line(std::string_view line) {
  print(fmt::format("{}\n", line));
  std::fflush(out_);  // `log -f` is read line by line
}

void Output::print_json(const api::Json& value) {
  if (terminal_.out_is_terminal) print(api::format_pretty(value));
  else print_line(boost::json::serialize(value));
}

void Output::print_table(const Table& table) { print(table.format(terminal_.width, terminal_.color)); }

void Output::note(std::string_view line) {
  if (is_quiet()) return;
  progress("");
  fmt::print(error_, "{}\n", line);
}

void Output::warn(std::string_view line) {
  progress("");
  fmt::print(error_, "berth: warning: {}\n", line);
}

void Output::progress(std::string_view line) {
  if (!terminal_.error_is_terminal || is_quiet()) return;
  if (line.empty() && !progress_shown_) return;
  const auto width = terminal_.width > 1 ? terminal_.width - 1 : 79;
  fmt::print(error_, "\r\x1b[K{}", cut_to_width(printable(line), width));
  std::fflush(error_);
  progress_shown_ = !line.empty();
}

void Output::error(const Error& error) {
  progress("");
  if (!is_json()) {
    fmt::print(error_, "berth: {}\n", error.detail);
    return;
  }
  const api::JsonObject object{{"error", error.detail}, {"errorCode", std::string(name_of(error.code))}};
  fmt::print(error_, "{}\n", boost::json::serialize(object));
}

Style style_of(api::ServiceState state) {
  switch (state) {
    case api::ServiceState::kRunning: return Style::kGood;
    case api::ServiceState::kStarting:
    case api::ServiceState::kStopping: return Style::kBusy;
    case api::ServiceState::kFailed:
    case api::ServiceState::kCrashed: return Style::kBad;
    case api::ServiceState::kStopped: return Style::kDim;
  }
  return Style::kPlain;
}

Style style_of(api::InstanceState state) {
  if (state == api::InstanceState::kDeleted) return Style::kDim;
  return style_of(static_cast<api::ServiceState>(state));  // the same words in the same order
}

Style style_of(api::PlatformState state) {
  switch (state) {
    case api::PlatformState::kRunning: return Style::kGood;
    case api::PlatformState::kDegraded: return Style::kBad;
    case api::PlatformState::kStarting:
    case api::PlatformState::kStopping: return Style::kBusy;
  }
  return Style::kPlain;
}

Style style_of(api::JobState state) {
  switch (state) {
    case api::JobState::kDone: return Style::kGood;
    case api::JobState::kFailed: return Style::kBad;
    case api::JobState::kWaiting:
    case api::JobState::kRunning: return Style::kBusy;
    case api::JobState::kCancelled: return Style::kDim;
  }
  return Style::kPlain;
}

Style style_of(api::Severity severity) {
  switch (severity) {
    case api::Severity::kOk: return Style::kGood;
    case api::Severity::kWarning: return Style::kBusy;
    case api::Severity::kError: return Style::kBad;
  }
  return Style::kPlain;
}

}  // namespace berth::cli
