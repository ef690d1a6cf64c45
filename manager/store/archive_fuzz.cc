// Whatever a package's archive holds, what is unpacked are plain files and folders, below the folder and within the limits.
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>

#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/sync.h"
#include "manager/store/archive.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  namespace fs = std::filesystem;
  static loop::Loop loop;
  static const std::string top = [] {
    char name[] = "/tmp/archive_fuzz.XXXXXX";
    BERTH_CHECK(::mkdtemp(name));
    return std::string(name);
  }();
  constexpr manager::ArchiveLimits kLimits{.file_bytes = 1 << 14, .all_bytes = 1 << 16, .files = 16};
  const UniqueFd file(::memfd_create("archive", MFD_CLOEXEC));
  BERTH_CHECK(::write(file.get(), data, size) == static_cast<ssize_t>(size));
  const auto folder = top + "/unpacked";
  try {
    loop::run_task(
        loop, manager::unpack_archive(loop, fmt::format("/proc/self/fd/{}", file.get()), folder, kLimits));
    std::uint64_t bytes = 0;
    std::size_t entries = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      BERTH_CHECK(!entry.is_symlink() && (entry.is_regular_file() || entry.is_directory()));
      if (entry.is_regular_file()) bytes += entry.file_size();
      ++entries;
    }
    BERTH_CHECK(bytes <= kLimits.all_bytes && entries > 0);
  } catch (const Failure&) {
    BERTH_CHECK(!fs::exists(folder));
  }
  BERTH_CHECK(std::distance(fs::directory_iterator(top), fs::directory_iterator()) <= 1);
  fs::remove_all(folder);
  return 0;
}
