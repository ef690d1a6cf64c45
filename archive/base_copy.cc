#include "archive/base_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>

#include "archive/tar.h"
#include "archive/zstd_file.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"

namespace berth::archive {
namespace {

constexpr std::uint64_t kLargeFile = 1 << 20;  // others' are made as holes, smaller ones not at all
constexpr std::uint64_t kOwnGroup = 32 << 20;  // from here on a file is a group of its own
constexpr std::int64_t kSettled = 2;           // seconds: a file changed since may change again unseen
constexpr std::size_t kPiece = 1 << 20;
constexpr const char* kControlFile = "global/pg_control";

// Made anew by PostgreSQL, or of no use elsewhere ("Making a Base Backup Using the Low Level API").
const std::set<std::string_view> kLeftOut = {
    "pg_wal",          "pg_replslot",  "pg_dynshmem",    "pg_notify",        "pg_serial",
    "pg_snapshots",    "pg_stat_tmp",  "pg_subtrans",    "pg_tblspc",        "postmaster.pid",
    "postmaster.opts", "backup_label", "tablespace_map", "current_logfiles", "base"};
constexpr const char* kFolders[] = {"base",
                                    "global",
                                    "pg_commit_ts",
                                    "pg_dynshmem",
                                    "pg_logical",
                                    "pg_logical/mappings",
                                    "pg_logical/snapshots",
                                    "pg_multixact",
                                    "pg_multixact/members",
                                    "pg_multixact/offsets",
                                    "pg_notify",
                                    "pg_replslot",
                                    "pg_serial",
                                    "pg_snapshots",
                                    "pg_stat",
                                    "pg_stat_tmp",
                                    "pg_subtrans",
                                    "pg_tblspc",
                                    "pg_twophase",
                                    "pg_wal",
                                    "pg_wal/archive_status",
                                    "pg_xact"};

struct File {
  std::string path;  // below the cluster's folder
  std::uint64_t bytes;
  timespec modified;
};

std::vector<std::string> names_in(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  std::vector<std::string> names;
  if (!folder && errno == ENOENT) return names;  // dropped meanwhile
  if (!folder) throw Failure(errno_error(errno, "open " + path));
  while (const dirent* entry = ::readdir(folder.get()))
    if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..")
      names.emplace_back(entry->d_name);
  std::sort(names.begin(), names.end());
  return names;
}

bool is_temporary(std::string_view name) {
  if (name.starts_with("pgsql_tmp") || name.starts_with("pg_internal.init")) return true;
  // "t3_16384": a table of one session.
  return name.size() > 2 && name[0] == 't' && name[1] >= '0' && name[1] <= '9' &&
         name.find('_') != std::string_view::npos;
}

void add_files(const std::string& data, const std::string& folder, std::vector<File>& files) {
  for (const auto& name : names_in(data + (folder.empty() ? "" : "/" + folder))) {
    if (is_temporary(name) || (folder.empty() && kLeftOut.contains(name))) continue;
    const std::string path = folder.empty() ? name : folder + "/" + name;
    struct stat info{};
    if (::lstat((data + "/" + path).c_str(), &info) != 0) {
      if (errno == ENOENT) continue;
      throw Failure(errno_error(errno, path));
    }
    if (S_ISDIR(info.st_mode)) add_files(data, path, files);
    else if (S_ISREG(info.st_mode) && path != kControlFile)
      files.push_back({path, static_cast<std::uint64_t>(info.st_size), info.st_mtim});
  }
}

std::string fingerprint_of(const std::vector<File>& files, std::int64_t now) {
  std::string text;
  for (const auto& file : files) {
    if (file.modified.tv_sec > now - kSettled) return {};
    text +=
        fmt::format("{}\t{}\t{}.{:09}\n", file.path, file.bytes, file.modified.tv_sec, file.modified.tv_nsec);
  }
  return sha256_hex(text);
}

// Writes one object.
class ObjectWriter {
 public:
  explicit ObjectWriter(const std::string& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (!fd_) throw Failure(errno_error(errno, "open " + path));
    writer_ = std::make_unique<ZstdWriter>(fd_.get());
  }

  // As many bytes as it had when it was looked at. A file that is gone is left out.
  void add(const std::string& data, const File& file, const std::function<void(std::uint64_t)>& copied) {
    const UniqueFd from(::open((data + "/" + file.path).c_str(), O_RDONLY | O_CLOEXEC));
    if (!from && errno == ENOENT) return;
    if (!from) throw Failure(errno_error(errno, "open " + file.path));
    const auto header = or_throw(format_tar_header({file.path, file.bytes, file.modified.tv_sec}));
    writer_->write(header);
    std::vector<char> piece(kPiece);
    for (std::uint64_t left = file.bytes; left > 0;) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size()));
      auto got = ::read(from.get(), piece.data(), want);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Failure(errno_error(errno, "read " + file.path));
      if (got == 0) {  // it has become shorter: the log says so too
        std::fill(piece.begin(), piece.end(), '\0');
        got = static_cast<ssize_t>(want);
      }
      writer_->write(std::span(piece).first(static_cast<std::size_t>(got)));
      left -= static_cast<std::uint64_t>(got);
      copied(static_cast<std::uint64_t>(got));
    }
    write_zeros(tar_padding(file.bytes));
  }

  std::uint64_t finish() {
    write_zeros(2 * kTarBlock);
    writer_->finish();
    return writer_->stored_bytes();
  }

 private:
  void write_zeros(std::uint64_t count) {
    const std::vector<char> zeros(count);
    writer_->write(zeros);
  }
  UniqueFd fd_;
  std::unique_ptr<ZstdWriter> writer_;
};

// What is stored together, before it is.
struct Plan {
  std::uint32_t database;
  std::vector<File> files;
};

std::vector<Plan> plan_groups(const std::string& data) {
  std::vector<Plan> plans;
  for (const auto& name : names_in(data + "/base")) {
    const auto oid = parse_integer(name);
    if (!oid || *oid <= 0) continue;  // pgsql_tmp
    std::vector<File> files;
    add_files(data, "base/" + name, files);
    Plan small{static_cast<std::uint32_t>(*oid), {}};
    for (auto& file : files) {
      if (file.bytes < kOwnGroup) small.files.push_back(std::move(file));
      else plans.push_back({small.database, {std::move(file)}});
    }
    plans.push_back(std::move(small));
  }
  return plans;
}

UniqueFd open_folder(const std::string& path) {
  UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) throw Failure(errno_error(errno, "open " + path));
  return folder;
}

}  // namespace

CopiedFiles copy_cluster(const std::string& archive, const std::string& data, const std::string& id,
                         const Manifest* previous, const CopyProgress& progress) {
  if (!names_in(data + "/pg_tblspc").empty())
    throw_failure(Errc::kUnsupported, "the cluster has tablespaces, which base backups do not hold");
  std::map<std::string, const FileGroup*> known;
  if (previous)
    for (const auto& group : previous->files.groups)
      if (!group.fingerprint.empty()) known[group.fingerprint] = &group;

  auto plans = plan_groups(data);
  CopiedFiles copied;
  std::uint64_t done = 0, of = 0;
  for (const auto& plan : plans)
    for (const auto& file : plan.files) of += file.bytes;
  const auto add_done = [&](std::uint64_t bytes) {
    done += bytes;
    progress(std::min(done, of), of);
  };
  std::map<std::uint32_t, int> numbers;
  const auto copy_group = [&](const Plan& plan, std::string fingerprint) {
    FileGroup group;
    group.database = plan.database;
    group.fingerprint = std::move(fingerprint);
    for (const auto& file : plan.files) group.bytes += file.bytes;
    const auto found = group.fingerprint.empty() ? known.end() : known.find(group.fingerprint);
    if (found != known.end() && found->second->database == plan.database &&
        path_exists(archive + "/objects/" + found->second->object)) {
      copied.groups.push_back(*found->second);
      add_done(group.bytes);
      return;
    }
    group.object = fmt::format("{}-{}-{}.tar.zst", id, plan.database, numbers[plan.database]++);
    ObjectWriter writer(archive + "/objects/" + group.object);
    for (const auto& file : plan.files) writer.add(data, file, add_done);
    if (plan.database == 0) {
      // Last of all: it says where recovery begins, and is read in one piece.
      struct stat info{};
      if (::stat((data + "/" + kControlFile).c_str(), &info) != 0)
        throw Failure(errno_error(errno, kControlFile));
      writer.add(data, {kControlFile, static_cast<std::uint64_t>(info.st_size), info.st_mtim}, [](auto) {});
    }
    group.stored_bytes = writer.finish();
    copied.new_bytes += group.stored_bytes;
    copied.groups.push_back(std::move(group));
  };
  for (const auto& plan : plans) {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    // The files were listed before: whatever changed since has a time that is too new, or another one.
    copy_group(plan, fingerprint_of(plan.files, now));
    for (const auto& file : plan.files)
      if (file.bytes > kLargeFile) copied.large_files.push_back({plan.database, file.path, file.bytes});
  }
  Plan rest{0, {}};
  add_files(data, "", rest.files);
  copy_group(rest, {});
  // One syncfs(2) for all: a thousand instances are a thousand objects.
  const auto folder = open_folder(archive + "/objects");
  if (::syncfs(folder.get()) != 0) throw Failure(errno_error(errno, "sync objects"));
  return copied;
}

namespace {

void unpack(const std::string& object, const std::string& target,
            const std::function<void(std::uint64_t)>& brought) {
  const UniqueFd from(::open(object.c_str(), O_RDONLY | O_CLOEXEC));
  if (!from) throw Failure(errno_error(errno, "open " + object));
  ZstdReader reader(from.get());
  std::vector<char> piece(kPiece);
  const auto read_exactly = [&](std::span<char> bytes) {
    if (reader.read(bytes) != bytes.size()) throw_failure(Errc::kMalformed, "ends early");
  };
  for (;;) {
    std::array<char, kTarBlock> block;
    read_exactly(block);
    const auto entry = or_throw(parse_tar_header(block));
    if (!entry) {
      // The rest of the zeros, and the checksum with them.
      while (reader.read(piece) > 0) {}
      return;
    }
    const std::string path = target + "/" + entry->path;
    const bool is_wanted = !entry->path.ends_with(".conf") && !entry->path.ends_with(".conf.d");
    UniqueFd to;
    if (is_wanted) {
      to = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
      if (!to && errno == ENOENT) {
        or_throw(make_directories(path.substr(0, path.rfind('/')), 0700));
        to = UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
      }
      if (!to) throw Failure(errno_error(errno, "open " + path));
    }
    for (std::uint64_t left = entry->bytes; left > 0;) {
      const auto part =
          std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())));
      read_exactly(part);
      if (to) or_throw(write_all(to.get(), {part.data(), part.size()}));
      left -= part.size();
      brought(part.size());
    }
    read_exactly(std::span(piece).first(tar_padding(entry->bytes)));
  }
}

void make_hole(const std::string& path, std::uint64_t bytes) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0)
    throw Failure(errno_error(errno, "make " + path));
}

}  // namespace

void extract_cluster(const std::string& archive, const Manifest& manifest,
                     const std::vector<std::uint32_t>& databases, const std::string& target,
                     const CopyProgress& progress) {
  for (const char* folder : kFolders) or_throw(make_directories(fmt::format("{}/{}", target, folder), 0700));
  const auto is_wanted = [&](std::uint32_t oid) {
    return oid < kFirstOwnOid || std::find(databases.begin(), databases.end(), oid) != databases.end();
  };
  std::uint64_t done = 0, of = 0;
  for (const auto& group : manifest.files.groups)
    if (is_wanted(group.database)) of += group.bytes;
  for (const auto& group : manifest.files.groups) {
    if (group.database != 0)
      or_throw(make_directories(fmt::format("{}/base/{}", target, group.database), 0700));
    if (!is_wanted(group.database)) continue;
    try {
      unpack(archive + "/objects/" + group.object, target, [&](std::uint64_t bytes) {
        done += bytes;
        progress(std::min(done, of), of);
      });
    } catch (const Failure& failure) {
      Error error = failure.error();
      throw Failure(std::move(error).within("base backup " + manifest.id + ", object " + group.object));
    }
  }
  for (const auto& file : manifest.files.large_files)
    if (!is_wanted(file.database)) make_hole(target + "/" + file.path, file.bytes);
  const auto write = [&](const std::string& name, std::string_view content) {
    const UniqueFd file(
        ::open((target + "/" + name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) throw Failure(errno_error(errno, "make " + name));
    or_throw(write_all(file.get(), content));
  };
  write("backup_label", manifest.label);
  write("recovery.signal", "");
}

}  // namespace berth::archive
