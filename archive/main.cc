// berth-archive: what PostgreSQL's archive_command and restore_command call, and the manager for base backups. Exit code
// 0: done; 1: not now, or not there; 200: damaged or unusable (recovery ends at a restore_command above 125).
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <span>

#include "archive/base_copy.h"
#include "archive/segment_store.h"
#include "base/file.h"
#include "base/text.h"

namespace berth::archive {
namespace {

constexpr int kNotNow = 1, kUsage = 2, kDamaged = 200;
constexpr std::size_t kManifestLimit = 256 << 20;

// All others go first: at the processor, and where the disk's scheduler knows classes (ioprio_set(2)), there too.
void step_back() {
  (void)::setpriority(PRIO_PROCESS, 0, 10);
  constexpr int kProcess = 1, kIdleClass = 3 << 13;
  (void)::syscall(SYS_ioprio_set, kProcess, 0, kIdleClass);
}

Manifest read_manifest(const std::string& archive, const std::string& id) {
  const std::string path = archive + "/base/" + id + ".json";
  return or_throw(parse_manifest(or_throw(read_file(path, kManifestLimit))));
}

// "progress DONE OF" whenever the per cent change.
CopyProgress tell_progress() {
  return [last = std::uint64_t{101}](std::uint64_t done, std::uint64_t of) mutable {
    const auto percent = of ? done * 100 / of : 100;
    if (percent == last) return;
    last = percent;
    std::printf("progress %llu %llu\n", static_cast<unsigned long long>(done),
                static_cast<unsigned long long>(of));
    std::fflush(stdout);
  };
}

int push(std::span<const std::string> words) {  // ARCHIVE RESERVE-BYTES PENDING FILE
  PushLimits limits;
  limits.reserve_bytes = static_cast<std::uint64_t>(parse_integer(words[1]).value_or(0));
  limits.pending = static_cast<std::size_t>(parse_integer(words[2]).value_or(16));
  if (push_segment(words[0], words[3], limits) == Pushed::kGivenUp)
    std::fprintf(stderr, "berth-archive: %s is given up: it cannot be stored, and too many wait\n",
                 words[3].c_str());
  return 0;
}

int fetch(std::span<const std::string> words) {  // ARCHIVE LIVE NAME TARGET
  return fetch_segment(words[0], words[1], words[2], words[3]) ? 0 : kNotNow;
}

int copy(std::span<const std::string> words) {  // ARCHIVE DATA ID PREVIOUS-ID
  step_back();
  std::optional<Manifest> previous;
  if (!words[3].empty()) previous = read_manifest(words[0], words[3]);
  const auto copied =
      copy_cluster(words[0], words[1], words[2], previous ? &*previous : nullptr, tell_progress());
  std::printf("files %s\n", format_copied_files(copied).c_str());
  return 0;
}

int extract(std::span<const std::string> words) {  // ARCHIVE ID TARGET OID,OID,…
  step_back();
  std::vector<std::uint32_t> databases;
  for (const auto word : split(words[3], ','))
    if (const auto oid = parse_integer(word)) databases.push_back(static_cast<std::uint32_t>(*oid));
  extract_cluster(words[0], read_manifest(words[0], words[1]), databases, words[2], tell_progress());
  return 0;
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 5) {
    const auto rest = std::span(words).subspan(1);
    if (words[0] == "push") return push(rest);
    if (words[0] == "fetch") return fetch(rest);
    if (words[0] == "copy") return copy(rest);
    if (words[0] == "extract") return extract(rest);
  }
  std::fputs(
      "usage: berth-archive push ARCHIVE RESERVE_BYTES PENDING FILE\n"
      "       berth-archive fetch ARCHIVE LIVE NAME TARGET\n"
      "       berth-archive copy ARCHIVE DATA ID PREVIOUS_ID\n"
      "       berth-archive extract ARCHIVE ID TARGET OID,OID\n",
      stderr);
  return kUsage;
}

}  // namespace
}  // namespace berth::archive

int main(int count, char** arguments) {
  using namespace berth;
  const std::vector<std::string> words(arguments + 1, arguments + count);
  try {
    return archive::run(words);
  } catch (...) {
    const Error error = current_error();
    // The form of PostgreSQL's own programs, which error_of_child() reads.
    std::fprintf(stderr, "berth-archive: error: %s\n", error.detail.c_str());
    const bool is_lasting = error.code == Errc::kMalformed || error.code == Errc::kUnsupported;
    return is_lasting ? archive::kDamaged : archive::kNotNow;
  }
}
