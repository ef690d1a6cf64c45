#include "manager/backup/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "loop/worker.h"
#include "manager/backup/child.h"
#include "manager/backup/copy_text.h"
#include "manager/backup/end_mark.h"
#include "manager/backup/sql_text.h"

namespace berth::manager {
namespace {

constexpr std::size_t kPiece = 4 << 20;
constexpr std::size_t kMostMetadata = 1 << 20;
constexpr std::size_t kMostContents = 64 << 20;
// pg_restore 15 reads archives up to this version (pg_backup_archiver.h, K_VERS_MAX).
constexpr int kArchiveMajor = 1, kArchiveMinor = 14;

constexpr const char* kCutOff =
    "the backup file is cut off: its end is missing. Fetch it again from where it was made";
constexpr const char* kDamaged =
    "the backup file is damaged: it does not hold what was written. Fetch it again or take another one";

UniqueFd open_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw Failure(errno_error(errno, "open " + path));
  return fd;
}

std::uint64_t size_of(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) throw Failure(errno_error(errno, "backup file"));
  if (!S_ISREG(info.st_mode)) throw_failure(Errc::kMalformed, "the backup is not a file");
  return static_cast<std::uint64_t>(info.st_size);
}

std::string read_at(int fd, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const auto got = ::pread(fd, bytes.data() + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failure(errno_error(errno, "read the backup file"));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

// Looks at the first bytes: what people take for a backup, and what to do about it.
void check_head(std::string_view head) {
  if (head.empty())
    throw_failure(Errc::kMalformed, "the backup file is empty. Fetch it again from where it was made");
  if (!head.starts_with("PGDMP")) {
    std::string_view what = "no backup of a platform and no PostgreSQL dump in custom format";
    if (head.starts_with("\x1f\x8b") || head.starts_with("\x28\xb5\x2f\xfd") ||
        head.starts_with("\xfd"
                         "7zXZ"))
      what = "a compressed file: unpack it first";
    else if (head.starts_with("PK")) what = "a ZIP file: unpack it first";
    else if (head.starts_with("<"))
      what = "an XML or HTML page, perhaps an error page that was saved instead of the backup";
    throw_failure(Errc::kMalformed, "this is {}", what);
  }
  if (head.size() < 11) throw_failure(Errc::kMalformed, "{}", kCutOff);
  const int major = static_cast<unsigned char>(head[5]), minor = static_cast<unsigned char>(head[6]);
  if (major > kArchiveMajor || (major == kArchiveMajor && minor > kArchiveMinor))
    throw_failure(Errc::kUnsupported,
                  "the backup was made with a newer PostgreSQL (archive version {}.{}, this platform reads "
                  "{}.{}). Update this platform first",
                  major, minor, kArchiveMajor, kArchiveMinor);
  if (head[10] != 1)
    throw_failure(Errc::kMalformed,
                  "this is a PostgreSQL dump, but not in custom format: make it with pg_dump -Fc");
}

// Runs pg_restore on the file and gives its output, at most `limit` bytes; nothing for a limit of 0.
Task<std::string> run_restore(loop::Loop& loop, std::string binaries, int fd,
                              std::vector<std::string> arguments, std::size_t limit) {
  ::lseek(fd, 0, SEEK_SET);
  loop::SpawnOptions options;
  options.program = binaries + "/pg_restore";
  options.arguments = std::move(arguments);
  options.directory = "/";
  options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
  options.descriptors = {{fd, 0}};
  const auto child = Child::start(loop, without_rights(std::move(options)));
  std::string output;
  for (;;) {
    std::string piece = co_await child->read();
    if (piece.empty()) break;
    if (limit == 0) continue;
    output += piece;
    if (output.size() > limit)
      throw_failure(Errc::kTooLarge, "the backup's table of contents has more than {} bytes", limit);
  }
  const auto status = co_await child->wait();
  if (!status.is_success()) {
    const auto words = error_of_child(*child, status, "pg_restore").detail;
    const bool is_end = words.find("end of file") != std::string::npos ||
                        words.find("could not find block") != std::string::npos;
    throw_failure(Errc::kMalformed, "{} ({})", is_end ? kCutOff : kDamaged, words);
  }
  co_return std::move(output);
}

}  // namespace

Task<BackupFile> BackupReader::inspect(std::string path, BackupKeys keys) {
  const UniqueFd fd = open_file(path);
  BackupFile file;
  file.bytes = size_of(fd.get());
  const std::string head = read_at(fd.get(), 0, 64);
  if (is_sql_dump(head)) {
    file.is_sql_text = true;
    const auto tail = read_at(fd.get(), file.bytes - std::min<std::uint64_t>(file.bytes, 512), 512);
    if (tail.find("-- PostgreSQL database dump complete\n") == std::string::npos)
      throw_failure(Errc::kMalformed, "{}", kCutOff);
    co_return file;
  }
  check_head(head);

  std::optional<EndMark> mark;
  if (file.bytes >= kEndMarkBytes)
    mark = parse_end_mark(read_at(fd.get(), file.bytes - kEndMarkBytes, kEndMarkBytes));
  const bool is_whole = mark && mark->length == file.bytes - kEndMarkBytes;
  if (mark && !is_whole) throw_failure(Errc::kMalformed, "{}", kDamaged);

  std::vector<std::string> list = {"--list"};
  const std::string contents =
      co_await run_restore(loop_, binaries_, fd.get(), std::move(list), kMostContents);
  const bool is_ours = contents.find(" TABLE DATA berth_backup about ") != std::string::npos;
  if (!is_ours && mark) throw_failure(Errc::kMalformed, "{}", kDamaged);
  if (!is_ours) co_return file;  // a plain dump
  if (!is_whole) throw_failure(Errc::kMalformed, "{}", kCutOff);

  std::vector<std::string> only = {"--file=-", "--data-only", "--schema=berth_backup", "--table=about"};
  const std::string text = co_await run_restore(loop_, binaries_, fd.get(), std::move(only), kMostMetadata);
  const auto row = find_copied_row(text);
  if (!row) throw_failure(Errc::kMalformed, "{}", kDamaged);
  auto read = parse_metadata(*row, keys);
  if (!read) throw Failure(std::move(read.error()));
  file.about = std::move(*read);
  co_return std::move(file);
}

Task<BackupFile> BackupReader::verify(std::string path, BackupKeys keys,
                                      std::function<void(std::uint64_t bytes, std::uint64_t of)> progress) {
  auto inspecting = inspect(path, std::move(keys));
  BackupFile file = co_await inspecting;
  const UniqueFd fd = open_file(path);
  if (file.is_sql_text) {
    SqlTextReader text;
    std::vector<SqlPart> parts;
    for (std::uint64_t done = 0; done < file.bytes; done += kPiece) {
      or_throw(text.feed(read_at(fd.get(), done, kPiece), parts));
      parts.clear();
      if (progress) progress(std::min(done + kPiece, file.bytes), file.bytes);
      co_await loop::sleep_for(loop_, std::chrono::milliseconds(0));  // others have their turn
    }
    or_throw(text.finish());
    co_return std::move(file);
  }
  if (!file.about) {
    std::vector<std::string> all = {"--file=-"};
    co_await run_restore(loop_, binaries_, fd.get(), std::move(all), 0);
    co_return std::move(file);
  }
  // In pieces, so that a cancelled check does not go on reading.
  RunningSha256 hash;
  const std::uint64_t length = file.bytes - kEndMarkBytes;
  loop::Worker worker(loop_);
  for (std::uint64_t done = 0; done < length;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, length - done));
    auto call = [fd = fd.get(), done, size, &hash]() -> std::size_t {
      const auto piece = read_at(fd, done, size);
      hash.add(piece);
      return piece.size();
    };
    auto reading = worker.run(std::move(call));
    const std::size_t got = co_await reading;
    if (got != size) throw_failure(Errc::kMalformed, "{}", kCutOff);
    done += got;
    if (progress) progress(done, file.bytes);
  }
  const auto mark = parse_end_mark(read_at(fd.get(), length, kEndMarkBytes));
  if (!mark || mark->sha256 != hash.finish()) throw_failure(Errc::kMalformed, "{}", kDamaged);
  co_return std::move(file);
}

Result<void> check_restorable(const BackupMetadata& metadata, std::string_view service,
                              std::optional<std::uint64_t> installed_build) {
  if (metadata.service != service)
    return fail(Errc::kConflict, "the backup is of the service {}, not of {}", metadata.service, service);
  if (!installed_build)
    return fail(Errc::kNotFound, "the backup is of the service {}, which is not installed: install it first",
                metadata.service);
  if (metadata.build > *installed_build)
    return fail(
        Errc::kUnsupported,
        "the backup was made by build {} of {}, installed is the older build {}: update the service first",
        metadata.build, metadata.service, *installed_build);
  return {};
}

}  // namespace berth::manager
