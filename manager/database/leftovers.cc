#include "manager/database/leftovers.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/process.h"

namespace berth::manager {
namespace {

std::string read_link(const std::string& path) {
  char target[PATH_MAX];
  const auto size = ::readlink(path.c_str(), target, sizeof target);
  return size > 0 ? std::string(target, static_cast<std::size_t>(size)) : std::string();
}

std::string command_line(pid_t pid) { return read_file(fmt::format("/proc/{}/cmdline", pid)).value_or(""); }

// A postmaster shows the arguments it was started with, its children what they do ("postgres: berth: checkpointer").
bool is_child(pid_t pid) { return command_line(pid).starts_with("postgres: "); }

pid_t parent_of(pid_t pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat) return 0;
  const auto fields = split(std::string_view(*stat).substr(stat->rfind(')') + 2), ' ');
  const auto parent = fields.size() > 1 ? parse_integer(fields[1]) : std::nullopt;
  return parent ? static_cast<pid_t>(*parent) : 0;
}

}  // namespace

bool is_postgres_on(pid_t pid, const std::string& data_folder) {
  char wanted[PATH_MAX];
  if (!::realpath(data_folder.c_str(), wanted)) return false;
  const std::string program = read_link(fmt::format("/proc/{}/exe", pid));
  return (program.ends_with("/postgres") || program.ends_with("/postgres (deleted)")) &&
         read_link(fmt::format("/proc/{}/cwd", pid)) == wanted;
}

std::vector<pid_t> find_leftovers(const std::string& data_folder) {
  std::vector<pid_t> found;
  DIR* processes = ::opendir("/proc");
  if (!processes) return found;
  while (const dirent* entry = ::readdir(processes)) {
    const auto number = parse_integer(entry->d_name);
    if (!number || *number <= 1) continue;
    const auto pid = static_cast<pid_t>(*number);
    if (!is_postgres_on(pid, data_folder) || !is_child(pid)) continue;
    const pid_t parent = parent_of(pid);
    const bool has_postmaster = is_postgres_on(parent, data_folder) && !is_child(parent);
    const bool is_logger = command_line(pid).find(": logger") != std::string::npos;
    if (!has_postmaster && !is_logger) found.push_back(pid);
  }
  ::closedir(processes);
  return found;
}

loop::Task<void> end_leftovers(loop::Loop& loop, std::string data_folder, std::chrono::milliseconds limit) {
  for (const pid_t pid : find_leftovers(data_folder)) {
    const auto watch = loop::ProcessWatch::make(loop, pid);
    // The number may have been given anew between the look and the watch.
    if (!watch || !is_postgres_on(pid, data_folder)) continue;
    log_warning("ended what a killed PostgreSQL left behind", {{"pid", pid}});
    (*watch)->send_signal(SIGKILL);
    auto waiting = (*watch)->wait();
    co_await loop::with_timeout(loop, limit, std::move(waiting), fmt::format("end of process {}", pid));
  }
}

}  // namespace berth::manager
