#include "manager/platform/layout.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"

namespace berth::manager {
namespace {

Result<std::string> canonical(const std::string& path) {
  char resolved[PATH_MAX];
  if (!::realpath(path.c_str(), resolved)) return fail_errno(errno, "root folder " + path);
  return std::string(resolved);
}

// Binds `directory` to a short path that everybody can reach, seen by this process and its children.
Result<std::string> bind_at_reachable_path(const std::string& directory) {
  const std::string point = "/run/berth-" + sha256_hex(directory).substr(0, 12);
  struct stat there{}, wanted{};
  // A manager that took over from another within this process has it already.
  if (::stat(point.c_str(), &there) == 0 && ::stat(directory.c_str(), &wanted) == 0 &&
      there.st_dev == wanted.st_dev && there.st_ino == wanted.st_ino)
    return point;
  if (::unshare(CLONE_NEWNS) != 0) return fail_errno(errno, "private mount namespace");
  // Mounts made outside later are still seen here; ours are not seen outside.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return fail_errno(errno, "make mounts private");
  BERTH_TRY_VOID(make_directories(point, 0755));
  if (::mount(directory.c_str(), point.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return fail_errno(errno, "bind " + directory + " to " + point);
  return point;
}

Result<void> make_folders(const Layout& layout) {
  struct Folder {
    std::string path;
    mode_t mode;
  };
  const Folder folders[] = {
      {layout.etc(), 0755},      {layout.library(), 0755},     {layout.apps(), 0755},
      {layout.backup(), 0700},   {layout.downloads(), 0700},   {layout.work(), 0711},
      {layout.logs(), 0755},     {layout.core_dumps(), 0700},  {layout.run(), 0755},
      {layout.starting(), 0700}, {layout.app_sockets(), 0755},
  };
  for (const auto& folder : folders) BERTH_TRY_VOID(make_directories(folder.path, folder.mode));
  return {};
}

}  // namespace

std::string Layout::work_of(std::string_view service, std::string_view database) const {
  std::string name;
  const bool is_dots = database == "." || database == "..";
  for (const char c : database) {
    if (c == '/') name += "%2F";
    else if (c == '%') name += "%25";
    else if (is_dots) name += "%2E";
    else name += c;
  }
  return fmt::format("{}/{}/{}", work(), service, name);
}

bool is_reachable_by_others(const std::string& path) {
  for (std::size_t end = 1; end != std::string::npos;) {
    end = path.find('/', end);
    const std::string part = path.substr(0, end);
    struct stat info{};
    if (::stat(part.c_str(), &info) != 0 || !(info.st_mode & S_IXOTH)) return false;
    if (end != std::string::npos) ++end;
  }
  return true;
}

Result<Layout> open_root(const std::string& directory, bool is_root) {
  if (directory.empty()) return fail(Errc::kMalformed, "no root folder given: use --root DIR");
  BERTH_TRY_VOID(make_directories(directory, 0755));
  BERTH_TRY(auto shown, canonical(directory));
  Layout layout{shown, shown};
  if (shown == "/") layout.root.clear();

  const bool too_long = layout.root.size() > kLongestRoot;
  if (!is_root) {
    if (too_long)
      return fail(Errc::kTooLarge,
                  "root folder {} is {} bytes long, but socket paths allow {} at most: use a shorter --root",
                  shown, shown.size(), kLongestRoot);
  } else if (too_long || !is_reachable_by_others(shown)) {
    auto bound = bind_at_reachable_path(shown);
    if (!bound)
      return fail(Errc::kDenied,
                  "{}: other users cannot reach this folder and it cannot be bound elsewhere ({}): "
                  "chmod o+x the folders above it, or use another --root",
                  shown, bound.error().detail);
    layout.root = *bound;
  }
  if (auto made = make_folders(layout); !made)
    return tl::unexpected(std::move(made.error()).within("prepare " + shown));
  return layout;
}

Result<UniqueFd> lock_root(const Layout& layout) {
  UniqueFd fd(::open(layout.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return fail_errno(errno, "open " + layout.lock());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(errno, "lock " + layout.lock());
    const auto holder = read_file(layout.lock(), 64);
    return fail(Errc::kConflict, "a manager already runs on {} (pid {}): stop it first or use another --root",
                layout.shown, holder ? trim(*holder) : "unknown");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0) return fail_errno(errno, "write " + layout.lock());
  BERTH_TRY_VOID(write_all(fd.get(), pid));
  return fd;
}

}  // namespace berth::manager
