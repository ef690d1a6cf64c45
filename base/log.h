// The log: one event a line, fields not prose, a trace flag first. The sink is the one global of
// the code base; it may be used from any thread.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/trace_flags.h"

namespace berth {

enum class LogLevel : std::uint8_t { kTrace, kInfo, kWarning, kError };

// Borrows its name, and its value if that is text: both for the call.
struct LogField {
  enum class Kind : std::uint8_t { kText, kSigned, kUnsigned };
  std::string_view name;
  Kind kind = Kind::kText;
  std::string_view text;
  std::uint64_t number = 0;
  std::string made;  // of values that are neither text nor whole numbers

  template <class T>
  LogField(std::string_view field_name, const T& value) : name(field_name) {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      text = value;
    } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>) {
      kind = std::is_signed_v<T> ? Kind::kSigned : Kind::kUnsigned;
      number = static_cast<std::uint64_t>(value);
    } else {
      made = fmt::format("{}", value);
      text = made;
    }
  }
  LogField(const LogField&) = delete;
};

// Called with one finished line (no time stamp, no newline). Default: stderr with time stamp.
using LogSink = std::function<void(LogLevel, std::string_view line)>;
void set_log_sink(LogSink sink);

// The process-wide mask of what goes to the sink. Instances have masks of their own (sdk).
std::uint64_t trace_flags();
void set_trace_flags(std::uint64_t flags);

// Gets every event, whatever the mask says; nullptr: none. Stays until it is replaced, and must live as long.
class FlightRecorder;
void set_flight_recorder(FlightRecorder* recorder);
bool has_flight_recorder();
// What somebody wants to know of: the mask, or everything while there is a flight recorder.
std::uint64_t wanted_trace_flags();

// One trace event: to the flight recorder, and to the sink if `flag` is in the mask.
void trace_event(std::uint64_t flag, std::string_view text, std::initializer_list<LogField> fields = {});
// Likewise "subject text fields", to the sink if `is_logged`: of something with a mask of its own.
void trace_event_of(std::string_view subject, bool is_logged, std::uint64_t flag, std::string_view text,
                    std::initializer_list<LogField> fields = {});

// Traces of one of several things with masks of their own, which a process-wide mask cannot tell apart: what is done for one
// instance. Borrows `flags` as long as it lives; nullptr: the process-wide mask, without a subject.
struct Tracer {
  std::string subject;  // "team@example.com"
  const std::uint64_t* flags = nullptr;

  bool is_logged(std::uint64_t flag) const { return ((flags ? *flags : trace_flags()) & flag) != 0; }
  bool wants(std::uint64_t flag) const { return is_logged(flag) || has_flight_recorder(); }
  void event(std::uint64_t flag, std::string_view text, std::initializer_list<LogField> fields = {}) const {
    trace_event_of(subject, is_logged(flag), flag, text, fields);
  }
};

// "text name=value name2="value with spaces"". Never pass passwords, tokens or file contents.
void log_event(LogLevel level, std::string_view text, std::initializer_list<LogField> fields = {});
void log_line(LogLevel level, std::string_view line);

// Bytes as lines "0010  48 65 6c …  Hel…" below `heading`, sixteen each, at most `kHexdumpBytes` of them; the rest is told by its
// number. Only of what may be in a log: no passwords, no keys, no files of users.
inline constexpr std::size_t kHexdumpBytes = 4096;
std::string format_hexdump(std::string_view bytes);

// "MM-DD hh:mm:ss.mmm" of now in UTC (form of the log files, reference/app-service.md section 2).
std::string log_time_stamp();

inline void log_info(std::string_view text, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kInfo, text, fields);
}
inline void log_warning(std::string_view text, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kWarning, text, fields);
}
inline void log_error(std::string_view text, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kError, text, fields);
}

}  // namespace berth

// BERTH_LOG(kDatabase, "connected", {"instance", name}, {"ms", took});
#define BERTH_LOG(flag, text, ...)                                                               \
  do {                                                                                           \
    if (::berth::wanted_trace_flags() & (flag)) ::berth::trace_event(flag, text, {__VA_ARGS__}); \
  } while (false)

// BERTH_TRACE(tracer, kDatabase, "query", {"rows", count}): likewise, by that tracer's mask.
#define BERTH_TRACE(tracer, flag, text, ...)                             \
  do {                                                                   \
    if ((tracer).wants(flag)) (tracer).event(flag, text, {__VA_ARGS__}); \
  } while (false)
