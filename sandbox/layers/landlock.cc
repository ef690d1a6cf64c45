#include "sandbox/layers/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "sandbox/layers/file_view.h"

namespace berth::sandbox {
namespace {

// Debian 12's <linux/landlock.h> ends at version 2 of the interface; these are the kernel's numbers.
struct RulesetAttr {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;  // since version 4
  std::uint64_t scoped;              // since version 6
};
struct [[gnu::packed]] PathBeneathAttr {
  std::uint64_t allowed_access;
  std::int32_t parent_fd;
};
constexpr unsigned kVersionFlag = 1;
constexpr int kPathBeneath = 1;

constexpr std::uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadFolder = 1 << 3,
                        kMakeChar = 1 << 6, kMakeBlock = 1 << 11, kRefer = 1 << 13, kTruncate = 1 << 14,
                        kDeviceControl = 1 << 15;
constexpr std::uint64_t kAllOfVersion1 = (1 << 13) - 1;
// What a rule for a file, not a folder, may hold (else EINVAL).
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;

std::uint64_t known_rights(int version) {
  return kAllOfVersion1 | (version >= 2 ? kRefer : 0) | (version >= 3 ? kTruncate : 0) |
         (version >= 5 ? kDeviceControl : 0);
}

Result<void> allow(int ruleset, const std::string& path, std::uint64_t rights) {
  const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place && errno == ENOENT) return {};
  if (!place) return fail_errno(errno, "Landlock rule for " + path);
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) return fail_errno(errno, "Landlock rule for " + path);
  if (!S_ISDIR(info.st_mode)) rights &= kOfFiles;
  const PathBeneathAttr rule{rights, place.get()};
  if (::syscall(SYS_landlock_add_rule, ruleset, kPathBeneath, &rule, 0) != 0)
    return fail_errno(errno, "Landlock rule for " + path);
  return {};
}

}  // namespace

int landlock_version() {
  const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersionFlag);
  return version < 0 ? 0 : static_cast<int>(version);
}

Result<void> restrict_access(const LaunchSpec& spec, std::string& note) {
  const int version = landlock_version();
  if (version == 0) return fail(Errc::kUnsupported, "this kernel has no Landlock, or it is not switched on");
  const auto known = known_rights(version);
  RulesetAttr attr{known, 0, 0};
  if (!spec.host_network && !spec.own_network)
    attr.handled_access_net = 3;  // to listen on TCP ports, to connect to them
  attr.scoped = 3;                // abstract sockets, signals
  const std::size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attr, size, 0)));
  if (!ruleset) return fail_errno(errno, "Landlock rules");

  constexpr auto kLook = kReadFile | kReadFolder;
  for (const auto& path : system_places()) BERTH_TRY_VOID(allow(ruleset.get(), path, kLook | kExecute));
  BERTH_TRY_VOID(allow(ruleset.get(), "/proc", kLook));
  BERTH_TRY_VOID(allow(ruleset.get(), "/dev", kReadFile | kWriteFile | kReadFolder));
  const auto write = known & ~(kExecute | kMakeChar | kMakeBlock | kDeviceControl);
  BERTH_TRY_VOID(allow(ruleset.get(), "/tmp", write));
  BERTH_TRY_VOID(allow(ruleset.get(), "/dev/shm", write));
  for (const auto& place : spec.places) {
    const auto rights = place.use == Place::Use::kWrite  ? write
                        : place.use == Place::Use::kRead ? kLook | kExecute
                                                         : kLook;
    BERTH_TRY_VOID(allow(ruleset.get(), place.path, rights));
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) return fail_errno(errno, "Landlock");
  if (version < 6)
    note = fmt::format("version {} of 6: files{}", version,
                       version >= 4 ? " and TCP, not signals" : ", not TCP, not signals");
  return {};
}

}  // namespace berth::sandbox
