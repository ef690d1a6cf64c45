// Broken file systems (S214): ext4 counts its errors on the disk and says them in the kernel log.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/status.h"
#include "base/unique_fd.h"
#include "loop/sync.h"
#include "manager/alarms/alarm.h"

namespace berth::manager {

// An ext4 file system that is mounted here.
struct FileSystem {
  std::string device;   // as the kernel calls it: "vda", "dm-0"
  std::string source;   // "/dev/vda1", for e2fsck
  std::string mounted;  // one of its places
};
// By the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). `name_of_device` gives the kernel's name of "254:0"; empty: unknown.
std::vector<FileSystem> find_ext4(std::string_view mountinfo,
                                  const std::function<std::string(std::string_view)>& name_of_device);

// What a record of /dev/kmsg says about a file system that is broken.
struct KernelComplaint {
  std::string device, text;
};
// "3,1234,567890,-;EXT4-fs error (device vda1): ..."; nullopt: it is about something else. Also those of the disk below it.
std::optional<KernelComplaint> parse_kernel_record(std::string_view record);

struct FileSystemSources {
  std::string mountinfo = "/proc/self/mountinfo";
  std::string devices = "/sys/dev/block";  // links by number
  std::string ext4 = "/sys/fs/ext4";       // <device>/errors_count
  std::string kernel_log = "/dev/kmsg";    // whoever may not read it sees the counts only
  std::vector<std::string> folders;        // only the file systems that hold these; empty: all
  std::string memory;                      // file that keeps which errors have been told
  std::function<void(Condition)> tell;     // an event
};

// Looks every half minute. Owned by the manager's main.
class FileSystemWatch {
 public:
  static constexpr std::chrono::seconds kLook{30};

  FileSystemWatch(loop::Loop& loop, FileSystemSources sources);

  void begin();
  void stop() { tasks_.cancel_all(); }
  // One look: an event for each file system whose count has grown since it was told last.
  void look();
  // A finding for each that is broken, until it has been repaired.
  std::vector<api::Check> checks() const;

 private:
  struct Broken {
    FileSystem file_system;
    std::uint64_t errors = 0;
    std::string last_text;
  };
  loop::Task<void> go_on();
  void read_kernel_log();
  void remember();

  loop::Loop& loop_;
  FileSystemSources sources_;
  UniqueFd kernel_log_;
  std::map<std::string, std::uint64_t> told_;  // errors by device
  struct Complaints {
    std::string text;  // the newest
    std::uint64_t count = 0;
  };
  std::map<std::string, Complaints> complaints_;  // of the kernel, by device
  std::map<std::string, Broken> broken_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
