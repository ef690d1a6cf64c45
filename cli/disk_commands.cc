// berth emergency free-space, berth platform start-apps
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "api/alarm.h"
#include "api/monitor.h"
#include "base/file.h"
#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

constexpr std::string_view kReserve = "/var/lib/berth/reserve/empty_if_no_space";  // manager/disk/reserve.h
constexpr std::uint64_t kStatBlock = 512;

struct Found {
  std::string path;
  std::uint64_t bytes = 0;  // that it takes on the disk
};

// Files below `folder` that `wanted` likes. Follows no link: the folders belong to apps.
void find_files(int at, const std::string& folder, const std::function<bool(std::string_view)>& wanted,
                std::vector<Found>& found) {
  const int fd = ::openat(at, folder.substr(folder.rfind('/') + 1).c_str(),
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return;
  DIR* directory = ::fdopendir(fd);
  if (!directory) {
    ::close(fd);
    return;
  }
  while (const auto* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info{};
    if (::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(info.st_mode)) find_files(fd, folder + "/" + name, wanted, found);
    else if (S_ISREG(info.st_mode) && wanted(folder + "/" + name))
      found.push_back({folder + "/" + name, static_cast<std::uint64_t>(info.st_blocks) * kStatBlock});
  }
  ::closedir(directory);
}

std::vector<Found> find_below(const std::string& folder,
                              const std::function<bool(std::string_view)>& wanted) {
  std::vector<Found> found;
  const int parent = ::open(folder.substr(0, folder.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (parent < 0) return found;
  find_files(parent, folder, wanted, found);
  ::close(parent);
  return found;
}

// "notes.log.1", "output.log.old", "x.log.gz": what nobody writes to any more.
bool is_old_log(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  const auto log = name.find(".log.");
  return log != std::string_view::npos && log + 5 < name.size();
}

// Needs neither manager nor database: they may be what does not start.
loop::Task<int> free_space(Invocation& invocation) {
  const auto& root = invocation.options().root;
  if (!invocation.options().url.empty())
    throw_usage("emergency free-space works on this machine only, by --root");
  const std::string prefix = root == "/" ? "" : root;
  const std::string reserve = prefix + std::string(kReserve), logs = prefix + "/var/log/berth";
  std::vector<Found> files = find_below(logs + "/core_dumps", [](std::string_view) { return true; });
  for (auto& log : find_below(logs, [](std::string_view path) {
         return path.find("/core_dumps/") == std::string_view::npos && is_old_log(path);
       }))
    files.push_back(std::move(log));
  struct stat info{};
  const bool has_reserve =
      ::lstat(reserve.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_blocks > 0;
  const auto reserve_bytes = has_reserve ? static_cast<std::uint64_t>(info.st_blocks) * kStatBlock : 0;
  std::uint64_t file_bytes = 0;
  for (const auto& file : files) file_bytes += file.bytes;
  if (invocation.is_rehearsal({fmt::format("empty the reserve {} ({})", reserve, format_size(reserve_bytes)),
                               fmt::format("delete {} of old logs and core dumps ({})",
                                           format_count(files.size(), "file"), format_size(file_bytes))}))
    co_return 0;
  // Emptied, not removed: on a full disk even taking a name away may need room.
  if (has_reserve && ::truncate(reserve.c_str(), 0) != 0)
    throw Failure(errno_error(errno, "empty " + reserve));
  std::uint64_t freed = reserve_bytes;
  auto& output = invocation.output();
  for (const auto& file : files) {
    if (::unlink(file.path.c_str()) == 0) freed += file.bytes;
    else output.warn(errno_error(errno, "delete " + file.path).detail);
  }
  if (output.is_json()) {
    output.print_json(
        api::JsonObject{{"freedBytes", freed}, {"reserveBytes", reserve_bytes}, {"files", files.size()}});
  } else {
    output.print_line(fmt::format("{} given back: {} of reserve, {} of old logs and core dumps",
                                  format_size(freed), format_size(reserve_bytes),
                                  format_size(freed - reserve_bytes)));
    output.note(
        "PostgreSQL and the manager come back by themselves if they run under ./run or systemd; else start "
        "the platform. The apps stay stopped: make room for good, then berth platform start-apps. The next "
        "start of the manager makes the reserve again if there is room.");
  }
  co_return 0;
}

loop::Task<int> show_disk(Invocation& invocation) {
  const auto disk = co_await invocation.ask(api::GetDisk{});
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(disk));
    co_return 0;
  }
  const auto all = disk.used_bytes + disk.free_bytes;
  const auto percent = all ? static_cast<double>(disk.used_bytes) * 100 / static_cast<double>(all) : 0;
  output.print_line(fmt::format("{} of {} used ({:.1f} %), {} free", format_size(disk.used_bytes),
                                format_size(disk.total_bytes), percent, format_size(disk.free_bytes)));
  output.print_line(disk.threshold >= 100 ? std::string("the apps are never stopped (diskThreshold 100)")
                                          : fmt::format("a warning at {} %, all apps are stopped at {} %",
                                                        disk.warning, disk.threshold));
  output.print_line(fmt::format("reserve for an emergency: {} of {}", format_size(disk.reserve_bytes),
                                format_size(disk.reserve_wanted)));
  if (disk.forecast)
    output.print_line(fmt::format(
        "full in {}: {} grows {} a day", format_count(static_cast<std::uint64_t>(disk.forecast->days), "day"),
        printable(disk.forecast->who), format_size(static_cast<std::uint64_t>(disk.forecast->bytes_a_day))));
  else output.print_line("not full within 30 days, as far as the databases' growth tells");
  if (disk.are_apps_held)
    output.warn("the apps are stopped because the disk was full: berth platform start-apps");
  co_return 0;
}

loop::Task<int> start_apps(Invocation& invocation) {
  if (invocation.is_rehearsal({"start the services that ran before the disk was full"})) co_return 0;
  co_await invocation.ask(api::StartApps{});
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::JsonObject{});
  else output.note("the apps are started");
  co_return 0;
}

}  // namespace

std::vector<Command> disk_commands() {
  return {
      {"emergency",
       "free-space",
       "The disk is full: empty the reserve, delete old logs and core dumps. Needs no running platform",
       Effect::kChanges,
       {},
       "emergency free-space",
       free_space},
      {"platform",
       "disk",
       "How full the disk is, when it will be, and at which use the apps are stopped",
       Effect::kReads,
       {},
       "platform disk",
       show_disk},
      {"platform",
       "start-apps",
       "Start the apps that were stopped because the disk was full",
       Effect::kChanges,
       {},
       "platform start-apps",
       start_apps},
  };
}

}  // namespace berth::cli
