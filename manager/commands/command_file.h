// The command file: what a platform is told to do by a file that it fetches (docs/command-file.md).
#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manager/commands/upload_place.h"
#include "manager/instances/export_format.h"

namespace berth::manager {

inline constexpr std::size_t kMaxCommandFile = 256 << 10;
inline constexpr std::size_t kMaxCommands = 1000;

// When a command may run. All of it must hold.
struct CommandGuard {
  std::bitset<24> hours = std::bitset<24>().set();  // of the platform's zone
  std::bitset<7> days = std::bitset<7>().set();     // 0: Sunday
  std::chrono::minutes every{0};                    // at least so long after the last time it did well
  std::string once;                                 // not again until this token changes

  bool allows(int hour, int weekday) const {
    return hours.test(static_cast<std::size_t>(hour)) && days.test(static_cast<std::size_t>(weekday));
  }
};

// "backup": writes dumps and sends each by HTTP PUT.
struct BackupCommand {
  std::size_t line = 0;  // number in the file, from 1
  std::string shown;     // the line for people, without secrets
  UploadPlace place;     // its URL holds hash parameters
  std::string what;      // "all", "manager", name@domain
  ExportFormat format = ExportFormat::kDump;
  CommandGuard guard;
};

struct CommandFault {
  std::size_t line = 0;
  std::string text;  // fault and remedy, without secrets
};

struct CommandFile {
  std::vector<BackupCommand> commands;  // in order
  std::vector<CommandFault> faults;     // lines that are not understood; the others run
  std::optional<std::chrono::minutes> poll;
};

// A file of more than kMaxCommandFile bytes, more than kMaxCommands commands, or with bytes that are no text is no
// command file at all: kTooLarge, kMalformed.
Result<CommandFile> parse_command_file(std::string_view text);

// "22-5,12": hours from 22 to 5 and 12, both ends included. "*": all. kMalformed.
Result<std::bitset<24>> parse_hours(std::string_view text);
// "mo-fr,su"; "*": all. kMalformed.
Result<std::bitset<7>> parse_days(std::string_view text);

// `url` without user and password and without what stands behind '?', for logs.
std::string shown_url(std::string_view url);

}  // namespace berth::manager
