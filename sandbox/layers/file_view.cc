#include "sandbox/layers/file_view.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "base/file.h"
#include "base/unique_fd.h"

namespace berth::sandbox {
namespace {

constexpr unsigned kRecursive = 0x8000;  // AT_RECURSIVE of <linux/fcntl.h>, which clashes with <fcntl.h>

constexpr const char* kSystemFolders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
// Names, certificates, time zone, the linker's list. No passwords, no keys.
constexpr const char* kSystemFiles[] = {
    "/etc/ld.so.cache", "/etc/ld.so.conf",      "/etc/ld.so.conf.d",    "/etc/alternatives",
    "/etc/ssl/certs",   "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/passwd",
    "/etc/group",       "/etc/nsswitch.conf",   "/etc/hosts",           "/etc/host.conf",
    "/etc/resolv.conf", "/etc/gai.conf",        "/etc/services",        "/etc/protocols",
    "/etc/localtime",   "/etc/timezone",        "/etc/mime.types",      "/etc/locale.alias"};
constexpr const char* kDevices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

// A mount that is not in the tree yet.
struct Piece {
  std::string path;
  UniqueFd tree;
  bool is_folder = true;
};

bool is_folder(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// A copy of what is mounted at and below `path`, with `attributes` (MOUNT_ATTR_…) everywhere in it.
Result<Piece> copy_of(const std::string& path, std::uint64_t attributes) {
  Piece piece{
      path, UniqueFd(::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | kRecursive))};
  if (!piece.tree) return fail_errno(errno, "look at " + path);
  piece.is_folder = is_folder(path);
  mount_attr attr{};
  attr.attr_set = attributes;
  if (::mount_setattr(piece.tree.get(), "", AT_EMPTY_PATH | kRecursive, &attr, sizeof attr) != 0)
    return fail_errno(errno, "protect " + path);
  return piece;
}

// Where the service finds the network's names.
std::string source_of(const LaunchSpec& spec, const std::string& file) {
  if (!spec.own_network) return file;
  const auto& network = *spec.own_network;
  if (file == "/etc/hosts" && !network.hosts_file.empty()) return network.hosts_file;
  if (file == "/etc/resolv.conf" && !network.resolver_file.empty()) return network.resolver_file;
  return file;
}

Result<void> collect_system(const LaunchSpec& spec, std::vector<Piece>& pieces,
                            std::vector<std::pair<std::string, std::string>>& links) {
  constexpr std::uint64_t kLook = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  for (const char* folder : kSystemFolders) {
    char target[PATH_MAX];
    if (const auto size = ::readlink(folder, target, sizeof target); size > 0) {
      links.emplace_back(std::string(target, static_cast<std::size_t>(size)), folder);
    } else if (is_folder(folder)) {
      BERTH_TRY(auto piece, copy_of(folder, kLook));
      pieces.push_back(std::move(piece));
    }
  }
  for (const char* file : kSystemFiles) {
    const auto source = source_of(spec, file);
    if (!path_exists(source)) continue;
    // A broken or private one (a link into somebody's folder) is left out.
    if (auto piece = copy_of(source, kLook | MOUNT_ATTR_NOEXEC)) {
      piece->path = file;
      pieces.push_back(std::move(*piece));
    }
  }
  for (const char* device : kDevices) {
    BERTH_TRY(auto piece, copy_of(device, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
    pieces.push_back(std::move(piece));
  }
  return {};
}

Result<void> collect_places(const LaunchSpec& spec, std::vector<Piece>& pieces) {
  for (const auto& place : spec.places) {
    std::uint64_t attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    if (place.use != Place::Use::kWrite) attributes |= MOUNT_ATTR_RDONLY;
    if (place.use != Place::Use::kRead) attributes |= MOUNT_ATTR_NOEXEC;
    BERTH_TRY(auto piece, copy_of(place.path, attributes));
    pieces.push_back(std::move(piece));
  }
  return {};
}

// `path` below the working directory, which is the new root.
std::string inside(const std::string& path) { return "." + path; }

Result<void> put_in(const Piece& piece) {
  const std::string target = inside(piece.path);
  if (piece.is_folder) {
    BERTH_TRY_VOID(make_directories(target, 0755));
  } else {
    BERTH_TRY_VOID(make_directories(target.substr(0, target.rfind('/')), 0755));
    const UniqueFd file(::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
    if (!file) return fail_errno(errno, "make room for " + piece.path);
  }
  if (::move_mount(piece.tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return fail_errno(errno, "put in " + piece.path);
  return {};
}

Result<void> put_in_memory_folder(const std::string& path, std::uint64_t bytes) {
  const std::string target = inside(path), options = fmt::format("mode=1777,size={}", bytes);
  BERTH_TRY_VOID(make_directories(target, 0755));
  if (::mount("tmpfs", target.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) != 0)
    return fail_errno(errno, "private " + path);
  return {};
}

// A /proc of its own, else the machine's, where other users' processes are protected by the user only.
Result<void> put_in_processes(std::string& note) {
  BERTH_TRY_VOID(make_directories("./proc", 0555));
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
  // subset=pid, and options of one mount only: since Linux 5.8.
  for (const char* options : {"hidepid=2,subset=pid", "hidepid=2"})
    if (::mount("proc", "./proc", "proc", kFlags, options) == 0) return {};
  const int number = errno;
  BERTH_TRY(auto machine,
            copy_of("/proc", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  note = fmt::format("/proc is the machine's ({})", errno_error(number, "own /proc").detail);
  return put_in(machine);
}

}  // namespace

std::vector<std::string> system_places() {
  std::vector<std::string> places(std::begin(kSystemFolders), std::end(kSystemFolders));
  places.insert(places.end(), std::begin(kSystemFiles), std::end(kSystemFiles));
  return places;
}

Result<void> make_file_view(const LaunchSpec& spec, std::string& note) {
  if (::unshare(CLONE_NEWNS) != 0) return fail_errno(errno, "new mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail_errno(errno, "make mounts private");
  std::vector<Piece> pieces;
  std::vector<std::pair<std::string, std::string>> links = {{"/proc/self/fd", "/dev/fd"},
                                                            {"/tmp", "/var/tmp"}};
  BERTH_TRY_VOID(collect_system(spec, pieces, links));
  std::vector<Piece> places;
  BERTH_TRY_VOID(collect_places(spec, places));

  // The new root begins at a folder that is surely there; what lay below it is in hand already.
  if (::mount("tmpfs", spec.directory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1M") != 0)
    return fail_errno(errno, "new root");
  if (::chdir(spec.directory.c_str()) != 0) return fail_errno(errno, "enter the new root");
  for (const auto& piece : pieces) BERTH_TRY_VOID(put_in(piece));
  BERTH_TRY_VOID(put_in_memory_folder("/tmp", spec.tmp_bytes));
  BERTH_TRY_VOID(put_in_memory_folder("/dev/shm", spec.tmp_bytes));
  BERTH_TRY_VOID(put_in_processes(note));
  for (const auto& [target, path] : links) {
    BERTH_TRY_VOID(make_directories(inside(path.substr(0, path.rfind('/'))), 0755));
    if (::symlink(target.c_str(), inside(path).c_str()) != 0) return fail_errno(errno, "link " + path);
  }
  // Last, for they may lie below /tmp.
  for (const auto& place : places) BERTH_TRY_VOID(put_in(place));

  // pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one, and is taken away.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return fail_errno(errno, "change root");
  if (::umount2(".", MNT_DETACH) != 0) return fail_errno(errno, "let the old root go");
  if (::chdir("/") != 0) return fail_errno(errno, "enter the root");
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (::mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof attr) != 0)
    return fail_errno(errno, "protect the root");
  return {};
}

}  // namespace berth::sandbox
