#include "base/log.h"

#include <unistd.h>

#include <chrono>
#include <ctime>
#include <mutex>

#include "base/flight_recorder.h"

namespace berth {
namespace {

std::atomic<std::uint64_t> g_trace_flags{kDefaultTraceFlags};
std::atomic<std::uint64_t> g_wanted_flags{kDefaultTraceFlags};
std::atomic<FlightRecorder*> g_recorder{nullptr};

void update_wanted() {
  const bool has_recorder = g_recorder.load(std::memory_order_relaxed) != nullptr;
  g_wanted_flags.store(has_recorder ? ~std::uint64_t{0} : g_trace_flags.load(std::memory_order_relaxed),
                       std::memory_order_relaxed);
}

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

// Without fmt::format: the flight recorder has these made for every message of a busy service.
void append_fields(std::string& line, std::initializer_list<LogField> fields) {
  for (const auto& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    if (field.kind != LogField::Kind::kText) {
      const fmt::format_int digits = field.kind == LogField::Kind::kSigned
                                         ? fmt::format_int(static_cast<std::int64_t>(field.number))
                                         : fmt::format_int(field.number);
      line.append(digits.data(), digits.size());
    } else if (needs_quotes(field.text)) {
      append_quoted(line, field.text);
    } else {
      line += field.text;
    }
  }
}

void record(LogLevel level, std::uint64_t flag, std::string_view line) {
  if (auto* recorder = g_recorder.load(std::memory_order_acquire)) recorder->write(level, flag, line);
}

void put_line(LogLevel level, std::string_view line) {
  const std::scoped_lock lock(sink_mutex());
  if (sink()) sink()(level, line);
  else write_to_stderr(line);
}

}  // namespace

void set_log_sink(LogSink new_sink) {
  const std::scoped_lock lock(sink_mutex());
  sink() = std::move(new_sink);
}

std::uint64_t trace_flags() { return g_trace_flags.load(std::memory_order_relaxed); }
bool has_flight_recorder() { return g_recorder.load(std::memory_order_relaxed) != nullptr; }
std::uint64_t wanted_trace_flags() { return g_wanted_flags.load(std::memory_order_relaxed); }

void set_trace_flags(std::uint64_t flags) {
  g_trace_flags.store(flags, std::memory_order_relaxed);
  update_wanted();
}

void set_flight_recorder(FlightRecorder* recorder) {
  g_recorder.store(recorder, std::memory_order_release);
  update_wanted();
}

void log_line(LogLevel level, std::string_view line) {
  record(level, 0, line);
  put_line(level, line);
}

void log_event(LogLevel level, std::string_view text, std::initializer_list<LogField> fields) {
  std::string line;
  if (level == LogLevel::kWarning) line += "warning: ";
  if (level == LogLevel::kError) line += "error: ";
  line += text;
  append_fields(line, fields);
  log_line(level, line);
}

void trace_event(std::uint64_t flag, std::string_view text, std::initializer_list<LogField> fields) {
  trace_event_of({}, (trace_flags() & flag) != 0, flag, text, fields);
}

void trace_event_of(std::string_view subject, bool is_logged, std::uint64_t flag, std::string_view text,
                    std::initializer_list<LogField> fields) {
  std::string line;
  line.reserve(240);
  if (!subject.empty()) {
    line += subject;
    line += ' ';
  }
  line += text;
  append_fields(line, fields);
  record(LogLevel::kTrace, flag, line);
  if (is_logged) put_line(LogLevel::kTrace, line);
}

std::string format_hexdump(std::string_view bytes) {
  std::string text;
  const auto shown = bytes.substr(0, kHexdumpBytes);
  for (std::size_t at = 0; at < shown.size(); at += 16) {
    const auto row = shown.substr(at, 16);
    if (at) text += '\n';
    text += fmt::format("{:04x} ", at);
    for (std::size_t i = 0; i < 16; ++i)
      text += i < row.size() ? fmt::format(" {:02x}", static_cast<unsigned char>(row[i])) : "   ";
    text += "  ";
    for (const char c : row) text += c >= 0x20 && c < 0x7f ? c : '.';
  }
  if (bytes.size() > shown.size()) text += fmt::format("\n{} more bytes", bytes.size() - shown.size());
  return text;
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
