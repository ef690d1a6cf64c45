#include "base/text.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/human.h"

namespace berth::cli {

const std::string& Arguments::text(std::string_view name) const {
  static const std::string kEmpty;
  const auto found = values_.find(name);
  return found == values_.end() ? kEmpty : found->second;
}

std::optional<std::string> Arguments::find(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::int64_t Arguments::number(std::string_view name, std::int64_t fallback) const {
  const auto value = find(name);
  return value ? parse_integer(*value).value_or(fallback) : fallback;
}

std::chrono::seconds Arguments::duration(std::string_view name) const {
  const auto value = find(name);
  if (!value) return {};
  const auto time = parse_duration(*value);
  if (!time) throw_usage("{} takes a time as 30m, 2h or 7d", name);
  return *time;
}

std::span<const Command> all_commands() {
  // Made once and never changed: parsers keep pointers into it.
  static const std::vector<Command> kCommands = [] {
    std::vector<Command> commands;
    for (auto* part : {status_commands,   store_commands,        service_commands,      instance_commands,
                       database_commands, external_commands,     move_commands,         backup_commands,
                       set_commands,      set_place_commands,    job_commands,          log_commands,
                       settings_commands, command_file_commands, time_machine_commands, alarm_commands,
                       crash_commands,    shell_commands,        trace_commands,        disk_commands,
                       monitor_commands,  replace_commands,      usage_commands,        capture_commands})
      for (auto& command : part()) commands.push_back(std::move(command));
    return commands;
  }();
  return kCommands;
}

}  // namespace berth::cli
