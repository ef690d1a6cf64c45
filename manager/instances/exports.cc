#include "manager/instances/exports.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "archive/zstd_file.h"
#include "loop/worker.h"

namespace berth::manager {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;

// Shared: a read that was begun may outlive the task that wanted it.
struct FileReader {
  explicit FileReader(FileExport from) : source(std::move(from)) {
    if (source.is_compressed) unpacked.emplace(source.file.get());
  }
  // Empty at the end. Throws Failure.
  std::string next() {
    std::string piece(kPieceBytes, '\0');
    if (unpacked) {
      piece.resize(unpacked->read(piece));
      return piece;
    }
    ssize_t got = 0;
    do got = ::read(source.file.get(), piece.data(), piece.size());
    while (got < 0 && errno == EINTR);
    if (got < 0) throw Failure(errno_error(errno, "read " + source.name));
    piece.resize(static_cast<std::size_t>(got));
    return piece;
  }
  FileExport source;
  std::optional<archive::ZstdReader> unpacked;
};

}  // namespace

std::optional<std::uint64_t> size_of(const FileExport& file) {
  struct stat info{};
  if (file.is_compressed || ::fstat(file.file.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return std::nullopt;
  const auto at = ::lseek(file.file.get(), 0, SEEK_CUR);
  if (at < 0 || at > info.st_size) return std::nullopt;
  return static_cast<std::uint64_t>(info.st_size - at);
}

Task<std::uint64_t> write_file(loop::Loop& loop, FileExport file, BackupSink& sink) {
  const auto reader = std::make_shared<FileReader>(std::move(file));
  loop::Worker worker(loop);
  std::uint64_t bytes = 0;
  for (;;) {
    auto piece = co_await worker.run([reader] { return reader->next(); });
    if (piece.empty()) co_return bytes;
    bytes += piece.size();
    co_await sink.write(std::move(piece));
  }
}

Task<void> Exports::write_instance(std::string name, std::string domain, ExportFormat format,
                                   BackupSink& sink) {
  if (format == ExportFormat::kDump) {
    co_await jobs_.backup(name, domain, sink);
    co_return;
  }
  const auto row = or_throw(instances_.get(name, domain));
  auto source = or_throw(instances_.data_source(row));
  co_await backups_.write_sql(std::move(source), sink);
}

Task<void> Exports::write_manager(ExportFormat format, BackupSink& sink) {
  auto source = instances_.cluster().superuser("manager");
  if (format == ExportFormat::kSql) {
    co_await backups_.write_sql(std::move(source), sink);
    co_return;
  }
  BackupMetadata about;
  about.name = "manager";
  about.service = "manager";
  about.database = "manager";
  about.platform_version = version_;
  co_await backups_.write(std::move(source), std::move(about), std::nullopt, sink);
}

}  // namespace berth::manager
