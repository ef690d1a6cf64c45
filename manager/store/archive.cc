#include "manager/store/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/file.h"
#include "base/result.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "loop/sync.h"

namespace berth::manager {
namespace {

constexpr std::ptrdiff_t kDeepest = 16;  // folders above a file

struct FreeArchive {
  void operator()(struct archive* archive) const { ::archive_read_free(archive); }
};

std::string safe_path(std::string_view name) {
  std::string path;
  for (const auto part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.find('\0') != std::string_view::npos)
      throw_failure(Errc::kMalformed, "package: odd name \"{}\"", name);
    path += path.empty() ? std::string(part) : "/" + std::string(part);
  }
  if (name.starts_with('/')) throw_failure(Errc::kMalformed, "package: absolute name \"{}\"", name);
  return path;
}

struct FolderGuard {
  std::string folder;
  bool keep = false;
  ~FolderGuard() {
    if (!keep) (void)remove_tree(folder);
  }
};

}  // namespace

loop::Task<void> unpack_archive(loop::Loop& loop, std::string archive, std::string folder,
                                ArchiveLimits limits) {
  std::unique_ptr<struct archive, FreeArchive> reader(::archive_read_new());
  ::archive_read_support_filter_gzip(reader.get());
  ::archive_read_support_filter_xz(reader.get());
  ::archive_read_support_filter_zstd(reader.get());
  ::archive_read_support_format_tar(reader.get());
  ::archive_read_support_format_zip(reader.get());
  const auto complain = [&](std::string_view what) {
    const char* text = ::archive_error_string(reader.get());
    throw_failure(Errc::kMalformed, "package: {}: {}", what, text ? text : "unknown fault");
  };
  if (::archive_read_open_filename(reader.get(), archive.c_str(), 1 << 16) != ARCHIVE_OK)
    complain("is no archive");
  FolderGuard guard{folder};
  or_throw(make_directories(folder, 0700));
  std::uint64_t all = 0;
  std::size_t files = 0, entries = 0;
  std::string buffer(1 << 16, '\0');
  for (;;) {
    archive_entry* entry = nullptr;
    const int got = ::archive_read_next_header(reader.get(), &entry);
    if (got == ARCHIVE_EOF) break;
    if (got != ARCHIVE_OK) complain("cannot be read");
    const char* raw = ::archive_entry_pathname(entry);
    const std::string path = safe_path(raw ? raw : "");
    // Folders cost as much as files do, and "./" is an entry, too.
    if (++entries > 2 * limits.files)
      throw_failure(Errc::kTooLarge, "package: more than {} files and folders", 2 * limits.files);
    if (std::ranges::count(path, '/') >= kDeepest)
      throw_failure(Errc::kTooLarge, "package: \"{}\" lies too deep", path);
    if (path.empty()) continue;
    const auto type = ::archive_entry_filetype(entry);
    if (type == AE_IFDIR) {
      or_throw(make_directories(folder + "/" + path, 0700));
      continue;
    }
    if (type != AE_IFREG || ::archive_entry_hardlink(entry))
      throw_failure(Errc::kMalformed, "package: \"{}\" is no plain file", path);
    if (++files > limits.files) throw_failure(Errc::kTooLarge, "package: more than {} files", limits.files);
    const std::string target = folder + "/" + path;
    or_throw(make_directories(target.substr(0, target.rfind('/')), 0700));
    UniqueFd fd(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) throw Failure(errno_error(errno, "open " + target));
    std::uint64_t size = 0;
    for (;;) {
      const auto part = ::archive_read_data(reader.get(), buffer.data(), buffer.size());
      if (part == 0) break;
      if (part < 0) complain("is cut off or damaged");
      size += static_cast<std::uint64_t>(part);
      all += static_cast<std::uint64_t>(part);
      if (size > limits.file_bytes || all > limits.all_bytes)
        throw_failure(Errc::kTooLarge, "package: \"{}\" is above the limit", path);
      or_throw(write_all(fd.get(), std::string_view(buffer.data(), static_cast<std::size_t>(part))));
    }
    co_await loop::sleep_for(loop, loop::Duration(0));
  }
  if (files == 0) throw_failure(Errc::kMalformed, "package: is empty");
  guard.keep = true;
}

}  // namespace berth::manager
