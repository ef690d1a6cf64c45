#include "sandbox/cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/text.h"

namespace berth::sandbox {
namespace {

constexpr std::uint64_t kPeriod = 100'000;  // µs, the kernel's default for CPU quotas

struct Mount {
  std::string root, point, type;
  std::vector<std::string_view> controllers;
};

// "36 35 98:0 /root /point rw,noatime shared:1 - type source options" (proc_pid_mountinfo(5)).
std::vector<Mount> cgroup_mounts(std::string_view text) {
  std::vector<Mount> mounts;
  for (const auto line : split(text, '\n')) {
    const auto dash = line.find(" - cgroup");
    if (dash == std::string_view::npos) continue;
    const auto fields = split(line, ' '), ends = split(line.substr(dash + 3), ' ');
    if (fields.size() < 5 || ends.size() < 3) continue;
    mounts.push_back(
        {std::string(fields[3]), std::string(fields[4]), std::string(ends[0]), split(ends[2], ',')});
  }
  return mounts;
}

// Folder of the group `path` in `mount`.
std::string folder_of(const Mount& mount, std::string_view path) {
  if (mount.root != "/" && path.starts_with(mount.root)) path.remove_prefix(mount.root.size());
  return mount.point + (path == "/" ? "" : std::string(path));
}

bool has(const std::vector<std::string_view>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// Files of a control group take one write each; a durable rename is not for them.
Result<void> set(const std::string& file, std::string_view value) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, file);
  if (::write(fd.get(), value.data(), value.size()) < 0) return fail_errno(errno, file);
  return {};
}

bool has_words(const std::string& file, std::initializer_list<std::string_view> words) {
  const auto text = read_file(file, 4096);
  if (!text) return false;
  const auto list = split(trim(*text), ' ');
  return std::all_of(words.begin(), words.end(), [&](auto word) { return has(list, word); });
}

// Version 2: children get the controllers once their parent's own processes are elsewhere.
Result<void> enable_controllers(const std::string& folder) {
  if (!has_words(folder + "/cgroup.controllers", {"memory", "pids"}))
    return fail(Errc::kUnsupported, "{} is not given the controllers memory and pids", folder);
  if (has_words(folder + "/cgroup.subtree_control", {"memory", "pids"})) return {};
  const bool has_cpu = has_words(folder + "/cgroup.controllers", {"cpu"});
  const std::string_view wanted = has_cpu ? "+memory +pids +cpu" : "+memory +pids";
  if (set(folder + "/cgroup.subtree_control", wanted)) return {};
  BERTH_TRY_VOID(make_directories(folder + "/manager", 0755));
  BERTH_TRY_VOID(set(folder + "/manager/cgroup.procs", "0"));
  return set(folder + "/cgroup.subtree_control", wanted);
}

}  // namespace

Result<CgroupTree> CgroupTree::find(std::string_view own_cgroups, std::string_view mounts_text) {
  const auto mounts = cgroup_mounts(mounts_text);
  CgroupTree tree;
  std::string unified;
  // "5:memory:/group" for version 1, "0::/group" for version 2.
  for (const auto line : split(own_cgroups, '\n')) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto names = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    const auto controllers = split(names, ',');
    for (const auto& mount : mounts) {
      if (names.empty() && mount.type == "cgroup2") unified = folder_of(mount, path);
      if (names.empty() || mount.type != "cgroup") continue;
      if (has(controllers, "memory") && has(mount.controllers, "memory"))
        tree.memory = folder_of(mount, path);
      if (has(controllers, "pids") && has(mount.controllers, "pids")) tree.tasks = folder_of(mount, path);
      if (has(controllers, "cpu") && has(mount.controllers, "cpu")) tree.cpu = folder_of(mount, path);
    }
  }
  if (!tree.memory.empty() && !tree.tasks.empty()) return tree;
  if (!unified.empty()) return CgroupTree{true, unified, unified, unified};
  if (mounts.empty()) return fail(Errc::kUnsupported, "no control groups are mounted here");
  return fail(Errc::kUnsupported, "the control groups here have no memory and pids controllers");
}

Result<CgroupTree> CgroupTree::of_this_process() {
  BERTH_TRY(const auto own, read_file("/proc/self/cgroup", 1 << 16));
  BERTH_TRY(const auto mounts, read_file("/proc/self/mountinfo", 4 << 20));
  BERTH_TRY(auto tree, find(own, mounts));
  if (!tree.is_v2) {
    for (const auto& folder : {tree.memory, tree.tasks})
      if (::access(folder.c_str(), W_OK) != 0) return fail_errno(errno, "no groups can be made in " + folder);
    if (!tree.cpu.empty() && ::access(tree.cpu.c_str(), W_OK) != 0) tree.cpu.clear();
    return tree;
  }
  // An earlier manager, whose survivors still run, moved into this one.
  constexpr std::string_view kOwn = "/manager";
  if (tree.memory.ends_with(kOwn)) {
    tree.memory.resize(tree.memory.size() - kOwn.size());
    tree.tasks = tree.cpu = tree.memory;
  }
  BERTH_TRY_VOID(enable_controllers(tree.memory));
  if (!has_words(tree.memory + "/cgroup.subtree_control", {"cpu"})) tree.cpu.clear();
  return tree;
}

Result<std::vector<std::string>> make_cgroup(const CgroupTree& tree, const std::string& name,
                                             const CgroupLimits& limits) {
  std::vector<std::string> folders;
  for (const auto& parent : {tree.memory, tree.tasks, tree.cpu}) {
    const std::string folder = parent + "/" + name;
    if (parent.empty() || std::find(folders.begin(), folders.end(), folder) != folders.end()) continue;
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, "make " + folder);
    folders.push_back(folder);
  }
  const auto number = [](std::uint64_t value, std::string_view none) {
    return value ? std::to_string(value) : std::string(none);
  };
  const auto file = [&](const std::string& parent, std::string_view leaf) {
    return fmt::format("{}/{}/{}", parent, name, leaf);
  };
  if (tree.is_v2) {
    BERTH_TRY_VOID(set(file(tree.memory, "memory.max"), number(limits.memory_bytes, "max")));
    // Kernels without a swap controller have no such file.
    if (path_exists(file(tree.memory, "memory.swap.max"))) {
      BERTH_TRY_VOID(set(file(tree.memory, "memory.swap.max"), limits.memory_bytes ? "0" : "max"));
    }
  } else {
    BERTH_TRY_VOID(set(file(tree.memory, "memory.limit_in_bytes"), number(limits.memory_bytes, "-1")));
  }
  BERTH_TRY_VOID(set(file(tree.tasks, "pids.max"), number(limits.tasks, "max")));
  if (tree.cpu.empty()) return folders;
  const auto quota = number(limits.cpu_percent * kPeriod / 100, tree.is_v2 ? "max" : "-1");
  if (tree.is_v2) {
    BERTH_TRY_VOID(set(file(tree.cpu, "cpu.max"), fmt::format("{} {}", quota, kPeriod)));
  } else {
    BERTH_TRY_VOID(set(file(tree.cpu, "cpu.cfs_quota_us"), quota));
  }
  return folders;
}

void remove_cgroups(const std::vector<std::string>& folders) {
  // EBUSY: somebody is left in it, and it goes with the next end of that service.
  for (const auto& folder : folders) ::rmdir(folder.c_str());
}

bool ran_out_of_memory(const std::vector<std::string>& folders) {
  for (const auto& folder : folders)
    for (const char* name : {"/memory.events", "/memory.oom_control"}) {
      const auto text = read_file(folder + name, 4096);
      if (!text) continue;
      for (const auto line : split(*text, '\n'))
        if (line.starts_with("oom_kill ")) {
          const auto count = parse_integer(trim(line.substr(9)));
          if (count && *count > 0) return true;
        }
    }
  return false;
}

}  // namespace berth::sandbox
