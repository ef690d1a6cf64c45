// The one table of commands: the parser, the help, completions and manual pages all come from it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loop/task.h"

namespace berth::cli {

class Invocation;

// One thing that can be given to a command.
struct Parameter {
  enum class Kind { kPositional, kOption, kFlag };
  Kind kind;
  std::string_view name;   // "SERVICE", "--name", "-f,--follow"
  std::string_view value;  // of options: what stands in the help, "FILE"
  std::string_view text;
  bool required = false;
  bool is_number = false;
};

constexpr Parameter positional(std::string_view name, std::string_view text) {
  return {Parameter::Kind::kPositional, name, {}, text, true};
}
constexpr Parameter optional_positional(std::string_view name, std::string_view text) {
  return {Parameter::Kind::kPositional, name, {}, text, false};
}
constexpr Parameter option(std::string_view name, std::string_view value, std::string_view text) {
  return {Parameter::Kind::kOption, name, value, text};
}
constexpr Parameter required_option(std::string_view name, std::string_view value, std::string_view text) {
  return {Parameter::Kind::kOption, name, value, text, true};
}
constexpr Parameter number_option(std::string_view name, std::string_view value, std::string_view text) {
  return {Parameter::Kind::kOption, name, value, text, false, true};
}
constexpr Parameter flag(std::string_view name, std::string_view text) {
  return {Parameter::Kind::kFlag, name, {}, text};
}

enum class Effect {
  kReads,
  kChanges,   // adds --dry-run
  kWorks,     // starts work of the manager: adds --dry-run, --wait, --no-wait, --timeout
  kDestroys,  // as kWorks, and --yes
};

struct Command {
  std::string_view noun;  // "instance"
  std::string_view verb;  // "create", "target add"; empty: the noun stands alone
  std::string_view text;
  Effect effect;
  std::vector<Parameter> parameters;
  std::string_view example;  // without "berth "
  // Throws Failure; UsageError for what the table cannot say.
  loop::Task<int> (*run)(Invocation& invocation);
};

// What was typed for one command, by the parameter's name ("SERVICE", "--name", "--follow").
class Arguments {
 public:
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  // Empty if absent.
  const std::string& text(std::string_view name) const;
  std::optional<std::string> find(std::string_view name) const;
  std::int64_t number(std::string_view name, std::int64_t fallback) const;
  // "30m", "2h", "7d". Throws UsageError if it is there and no such time; zero if absent.
  std::chrono::seconds duration(std::string_view name) const;
  void set(std::string_view name, std::string value) { values_[std::string(name)] = std::move(value); }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

// All commands, in the order of the help.
std::span<const Command> all_commands();

// Their parts, one function a file.
std::vector<Command> status_commands();
std::vector<Command> store_commands();
std::vector<Command> service_commands();
std::vector<Command> instance_commands();
std::vector<Command> database_commands();
std::vector<Command> external_commands();
std::vector<Command> move_commands();
std::vector<Command> backup_commands();
std::vector<Command> set_commands();
std::vector<Command> set_place_commands();
std::vector<Command> job_commands();
std::vector<Command> log_commands();
std::vector<Command> settings_commands();
std::vector<Command> time_machine_commands();
std::vector<Command> alarm_commands();
std::vector<Command> crash_commands();
std::vector<Command> shell_commands();
std::vector<Command> trace_commands();
std::vector<Command> disk_commands();
std::vector<Command> capture_commands();
std::vector<Command> replace_commands();
std::vector<Command> monitor_commands();
std::vector<Command> usage_commands();
std::vector<Command> command_file_commands();

}  // namespace berth::cli
