#include "base/log.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <mutex>

namespace berth {
namespace {

std::atomic<std::uint64_t> g_trace_flags{kDefaultTraceFlags};

std::mutex& sink_mutex() {
  static std::mutex mutex;
  return mutex;
}
LogSink& sink() {
  static LogSink instance;
  return instance;
}

void write_to_stderr(std::string_view line) {
  const std::string out = fmt::format("{} {}\n", log_time_stamp(), line);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, out.data(), out.size());
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \"=\n\r\t") != std::string_view::npos;
}

void append_quoted(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') out += "\\n";
    else if (c == '\r') out += "\\r";
    else out += c;
  }
  out += '"';
}

}  // namespace

void set_log_sink(LogSink new_sink) {
  const std::scoped_lock lock(sink_mutex());
  sink() = std::move(new_sink);
}

std::uint64_t trace_flags() { return g_trace_flags.load(std::memory_order_relaxed); }
void set_trace_flags(std::uint64_t flags) { g_trace_flags.store(flags, std::memory_order_relaxed); }

void log_line(LogLevel level, std::string_view line) {
  const std::scoped_lock lock(sink_mutex());
  if (sink()) sink()(level, line);
  else write_to_stderr(line);
}

void log_event(LogLevel level, std::string_view text, std::initializer_list<LogField> fields) {
  std::string line;
  if (level == LogLevel::kWarning) line += "warning: ";
  if (level == LogLevel::kError) line += "error: ";
  line += text;
  for (const auto& field : fields) {
    line += fmt::format(" {}=", field.name);
    if (needs_quotes(field.value)) append_quoted(line, field.value);
    else line += field.value;
  }
  log_line(level, line);
}

std::string log_time_stamp() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::system_clock::to_time_t(now);
  const auto millis =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:02}-{:02} {:02}:{:02}:{:02}.{:03}", utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                     utc.tm_min, utc.tm_sec, millis);
}

}  // namespace berth
