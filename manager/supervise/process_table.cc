#include "manager/supervise/process_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/process.h"

namespace berth::manager {
namespace {

std::string program_of(pid_t pid) {
  char buffer[4096];
  const auto size = ::readlink(fmt::format("/proc/{}/exe", pid).c_str(), buffer, sizeof buffer);
  if (size <= 0) return {};
  std::string path(buffer, static_cast<std::size_t>(size));
  // An updated binary leaves the old process with this mark.
  constexpr std::string_view kGone = " (deleted)";
  if (path.ends_with(kGone)) path.resize(path.size() - kGone.size());
  return path;
}

// A launcher that stands beside a program names it in its arguments.
bool has_argument(pid_t pid, const std::string& argument) {
  const auto arguments = read_file(fmt::format("/proc/{}/cmdline", pid), 1 << 16);
  if (!arguments) return false;
  const auto all = split(*arguments, '\0');
  return std::find(all.begin(), all.end(), argument) != all.end();
}

bool is_same_program(pid_t pid, const std::string& program) {
  const std::string running = program_of(pid);
  if (running == program || has_argument(pid, program)) return true;
  char resolved[4096];
  return ::realpath(program.c_str(), resolved) && running == resolved;
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// After a boot another process may have pid and start time. Names of files are compared, for an update moves folders; a
// launcher stands for what it launched. What cannot be read (another user's, to a manager that is not root) is believed.
bool was_started_as(const ProcessRecord& record) {
  const std::string running = program_of(record.pid);
  return record.program.empty() || running.empty() || file_name(running) == "berth-launch" ||
         file_name(running) == file_name(record.program) || has_argument(record.pid, record.program);
}

}  // namespace

std::string format_process_table(const std::map<std::string, ProcessRecord>& records) {
  boost::json::array processes;
  for (const auto& [name, record] : records)
    processes.push_back(boost::json::object{{"name", record.name},
                                            {"pid", record.pid},
                                            {"startTime", record.start_time},
                                            {"program", record.program},
                                            {"startedAt", record.started_at}});
  const boost::json::object file{{"version", 1}, {"processes", std::move(processes)}};
  return boost::json::serialize(file) + "\n";
}

Result<std::map<std::string, ProcessRecord>> parse_process_table(std::string_view text) {
  boost::json::error_code error;
  const auto value = boost::json::parse(boost::json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return fail(Errc::kMalformed, "process table is not JSON");
  const auto* list = value.get_object().if_contains("processes");
  if (!list || !list->is_array()) return fail(Errc::kMalformed, "process table without processes");
  std::map<std::string, ProcessRecord> records;
  for (const auto& entry : list->get_array()) {
    if (!entry.is_object()) return fail(Errc::kMalformed, "process is not an object");
    const auto& object = entry.get_object();
    const auto* name = object.if_contains("name");
    const auto* pid = object.if_contains("pid");
    const auto* start = object.if_contains("startTime");
    if (!name || !name->is_string() || !pid || !pid->is_int64() || pid->get_int64() <= 1 || !start ||
        !start->is_number())
      return fail(Errc::kMalformed, "process without name, pid or startTime");
    const auto text_of = [&](const char* key) {
      const auto* member = object.if_contains(key);
      return member && member->is_string() ? std::string(member->get_string()) : std::string();
    };
    ProcessRecord record;
    record.name = std::string(name->get_string());
    record.pid = static_cast<pid_t>(pid->get_int64());
    record.start_time = start->to_number<std::uint64_t>();
    record.program = text_of("program");
    record.started_at = text_of("startedAt");
    records.emplace(record.name, record);
  }
  return records;
}

ProcessTable::ProcessTable(std::string file, std::string starting)
    : file_(std::move(file)), starting_(std::move(starting)) {}

void ProcessTable::load() {
  const auto text = read_file(file_, 1 << 20);
  if (!text) return;
  auto records = parse_process_table(*text);
  if (!records) {
    log_warning("process table unreadable, looking for nothing to adopt",
                {{"error", records.error().detail}});
    return;
  }
  records_ = std::move(*records);
}

std::optional<ProcessRecord> ProcessTable::find_survivor(const std::string& name,
                                                         const std::string& program) const {
  const auto found = records_.find(name);
  if (found != records_.end() && loop::process_start_time(found->second.pid) == found->second.start_time &&
      was_started_as(found->second))
    return found->second;
  // Died between fork and the entry in the table? Then the child itself told its pid.
  const auto pid = read_notes(name).pid;
  const auto start = pid ? loop::process_start_time(pid) : std::nullopt;
  if (!start || !is_same_program(pid, program)) return std::nullopt;
  ProcessRecord record;
  record.name = name;
  record.pid = pid;
  record.start_time = *start;
  record.program = program;
  return record;
}

sandbox::LaunchNotes ProcessTable::read_notes(const std::string& name) const {
  return sandbox::parse_launch_notes(read_file(starting_path(name), 1 << 16).value_or(""));
}

Result<void> ProcessTable::put(ProcessRecord record) {
  const std::string name = record.name;
  records_[name] = std::move(record);
  return save();
}

Result<void> ProcessTable::remove(const std::string& name) {
  ::unlink(starting_path(name).c_str());
  if (records_.erase(name) == 0) return {};
  return save();
}

Result<void> ProcessTable::succeed(const std::string& name, const std::string& successor,
                                   const std::string& former) {
  const auto move = [this](const std::string& from, const std::string& to) {
    auto record = records_.extract(from);
    if (record.empty()) return;
    record.key() = record.mapped().name = to;
    records_.insert(std::move(record));
  };
  move(name, former);
  move(successor, name);
  // The note of the former would otherwise be taken for one of the process that has its name now.
  ::rename(starting_path(successor).c_str(), starting_path(name).c_str());
  return save();
}

Result<void> ProcessTable::save() const {
  return write_file_durably(file_, format_process_table(records_), 0644);
}

int note_own_pid(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  // The first process of a PID namespace calls itself 1; the /proc that we still have is the manager's.
  char digits[24];
  const auto size = ::readlink("/proc/self", digits, sizeof digits - 1);
  if (size <= 0) {
    const int number = errno;
    ::close(fd);
    return number;
  }
  digits[size] = '\n';
  const auto put = ::write(fd, digits, static_cast<std::size_t>(size) + 1);
  const int number = put < 0 ? errno : 0;
  ::close(fd);
  return number;
}

}  // namespace berth::manager
