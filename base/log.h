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

namespace berth {

// Trace flags with the values of reference/trace-flags.md. A disabled flag costs one bit test.
enum TraceFlag : std::uint64_t {
  kApp = 0x1,
  kDatabase = 0x2,
  kDbFiles = 0x4,
  kDns = 0x8,
  kEthernet = 0x10,
  kFile = 0x20,
  kFiles = 0x40,
  kHttpClient = 0x80,
  kHttpFile = 0x100,
  kProcess = 0x200,
  kTls = 0x400,
  kTcp = 0x800,
  kLds = 0x1000,
  kWebserverPlugin = 0x2000,
  kWebsocketClient = 0x4000,
  kAppWebsocket = 0x8000,
  kWebdavService = 0x10000,
  kCommand = 0x20000,
  kConfig = 0x40000,
  kTime = 0x80000,
  kSmtp = 0x100000,
  kUdp = 0x200000,
  kAlarmClient = 0x100000000,
  kWebserver = 0x200000000,
};
inline constexpr std::uint64_t kDefaultTraceFlags = kApp | kAppWebsocket;

enum class LogLevel : std::uint8_t { kTrace, kInfo, kWarning, kError };

struct LogField {
  std::string_view name;
  std::string value;
  template <class T>
  LogField(std::string_view field_name, const T& field_value)
      : name(field_name), value(fmt::format("{}", field_value)) {}
};

// Called with one finished line (no time stamp, no newline). Default: stderr with time stamp.
using LogSink = std::function<void(LogLevel, std::string_view line)>;
void set_log_sink(LogSink sink);

// The process-wide mask. Instances have masks of their own (sdk).
std::uint64_t trace_flags();
void set_trace_flags(std::uint64_t flags);

// "text name=value name2="value with spaces"". Never pass passwords, tokens or file contents.
void log_event(LogLevel level, std::string_view text, std::initializer_list<LogField> fields = {});
void log_line(LogLevel level, std::string_view line);

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
#define BERTH_LOG(flag, text, ...)                                                                           \
  do {                                                                                                       \
    if (::berth::trace_flags() & (flag)) ::berth::log_event(::berth::LogLevel::kTrace, text, {__VA_ARGS__}); \
  } while (false)
