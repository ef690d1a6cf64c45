#include "crash/live_dump.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace berth::crash {
namespace {

constexpr std::size_t kPage = 4096, kPiece = 1 << 20;

struct Area {
  std::uint64_t begin = 0, end = 0, offset = 0;
  std::uint32_t flags = 0;       // PF_…
  std::string file;              // empty: none
  std::uint64_t kept_bytes = 0;  // of it in the file
};

// The threads of a process, held still. Lets them go when it goes.
class Held {
 public:
  static Result<std::unique_ptr<Held>> hold(pid_t pid) {
    auto held = std::unique_ptr<Held>(new Held());
    // Threads may be made while others are stopped: again until there are no new ones.
    for (bool grew = true; grew;) {
      grew = false;
      BERTH_TRY(const auto ids, list_threads(pid));
      for (const pid_t id : ids) {
        if (std::find(held->threads_.begin(), held->threads_.end(), id) != held->threads_.end()) continue;
        if (::ptrace(PTRACE_SEIZE, id, 0, 0) != 0) {
          if (errno == ESRCH) continue;  // it ended just now
          return fail_errno(errno, fmt::format("look into process {}", pid));
        }
        held->threads_.push_back(id);
        grew = true;
        if (::ptrace(PTRACE_INTERRUPT, id, 0, 0) != 0) return fail_errno(errno, "stop a thread");
        int status = 0;
        if (::waitpid(id, &status, __WALL) != id || !WIFSTOPPED(status))
          return fail(Errc::kUnavailable, "process {} ended", pid);
        held->stopped_by_.push_back(status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status));
      }
    }
    if (held->threads_.empty()) return fail(Errc::kNotFound, "no process {}", pid);
    return held;
  }
  ~Held() {
    // A signal that stopped it in our place is handed on.
    for (std::size_t i = 0; i < threads_.size(); ++i)
      ::ptrace(PTRACE_DETACH, threads_[i], 0, i < stopped_by_.size() ? stopped_by_[i] : 0);
  }
  const std::vector<pid_t>& threads() const { return threads_; }

 private:
  Held() = default;
  static Result<std::vector<pid_t>> list_threads(pid_t pid) {
    DIR* folder = ::opendir(fmt::format("/proc/{}/task", pid).c_str());
    if (!folder) return fail(Errc::kNotFound, "no process {}", pid);
    std::vector<pid_t> ids;
    while (const dirent* entry = ::readdir(folder))
      if (const auto id = parse_integer(entry->d_name)) ids.push_back(static_cast<pid_t>(*id));
    ::closedir(folder);
    std::sort(ids.begin(), ids.end());  // the first one first, whose stack is told
    return ids;
  }
  std::vector<pid_t> threads_;
  std::vector<int> stopped_by_;
};

// /proc/PID/smaps says what maps says and what may be dumped ("dd": not).
std::vector<Area> read_areas(pid_t pid) {
  std::vector<Area> areas;
  const auto text = read_file(fmt::format("/proc/{}/smaps", pid), 64 << 20);
  if (!text) return areas;
  for (const auto line : split(*text, '\n')) {
    unsigned long long begin = 0, end = 0, offset = 0;
    char rights[8] = {};
    int path_at = 0;
    const std::string copy(line);
    if (std::sscanf(copy.c_str(), "%llx-%llx %7s %llx %*s %*s %n", &begin, &end, rights, &offset, &path_at) >=
        4) {
      Area area{begin, end, offset};
      if (rights[0] == 'r') area.flags |= PF_R;
      if (rights[1] == 'w') area.flags |= PF_W;
      if (rights[2] == 'x') area.flags |= PF_X;
      if (path_at > 0 && static_cast<std::size_t>(path_at) < copy.size())
        area.file = copy.substr(static_cast<std::size_t>(path_at));
      const bool is_shared_file = rights[3] == 's' && area.file.starts_with('/');
      area.kept_bytes = (area.flags & PF_R) && !is_shared_file ? area.end - area.begin : 0;
      if (area.file == "[vvar]" || area.file == "[vsyscall]") area.kept_bytes = 0;
      areas.push_back(std::move(area));
    } else if (!areas.empty() && line.starts_with("VmFlags:")) {
      auto& area = areas.back();
      const bool is_told_not_to = line.find(" dd") != std::string_view::npos;
      const bool is_device = line.find(" io") != std::string_view::npos;
      if (is_told_not_to || is_device) area.kept_bytes = 0;
      // Unchanged code is in its file; the first page tells which build that is.
      if (area.file.starts_with('/') && !(area.flags & PF_W))
        area.kept_bytes = std::min<std::uint64_t>(area.kept_bytes, kPage);
    }
  }
  return areas;
}

void append(std::string& out, const void* bytes, std::size_t size) {
  out.append(static_cast<const char*>(bytes), size);
}

void append_note(std::string& out, std::uint32_t type, const void* content, std::size_t size) {
  const Elf64_Nhdr head{5, static_cast<Elf64_Word>(size), type};
  append(out, &head, sizeof head);
  out.append("CORE\0\0\0\0", 8);
  append(out, content, size);
  out.append((4 - size % 4) % 4, '\0');
}

Result<std::string> make_notes(pid_t pid, const std::vector<pid_t>& threads, const std::vector<Area>& areas) {
  std::string notes;
  bool is_first = true;
  for (const pid_t thread : threads) {
    prstatus_t status{};
    iovec registers{&status.pr_reg, sizeof status.pr_reg};
    if (::ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &registers) != 0)
      return fail_errno(errno, "read a thread's registers");
    status.pr_pid = thread;
    append_note(notes, NT_PRSTATUS, &status, sizeof status);
    if (std::exchange(is_first, false)) {
      prpsinfo_t info{};
      info.pr_pid = pid;
      const auto name = read_file(fmt::format("/proc/{}/comm", pid), 64);
      if (name) std::strncpy(info.pr_fname, std::string(trim(*name)).c_str(), sizeof info.pr_fname - 1);
      append_note(notes, NT_PRPSINFO, &info, sizeof info);
      const auto vector = read_file(fmt::format("/proc/{}/auxv", pid), 1 << 16);
      if (vector) append_note(notes, NT_AUXV, vector->data(), vector->size());
      // NT_FILE: count, page size, {begin, end, offset in pages}, then the names.
      std::string files, names;
      std::uint64_t count = 0;
      for (const auto& area : areas) {
        if (!area.file.starts_with('/')) continue;
        ++count;
        const std::uint64_t entry[3] = {area.begin, area.end, area.offset / kPage};
        append(files, entry, sizeof entry);
        names += area.file + '\0';
      }
      const std::uint64_t head[2] = {count, kPage};
      std::string content;
      append(content, head, sizeof head);
      content += files + names;
      append_note(notes, NT_FILE, content.data(), content.size());
    }
    elf_fpregset_t floating{};
    iovec floats{&floating, sizeof floating};
    if (::ptrace(PTRACE_GETREGSET, thread, NT_PRFPREG, &floats) == 0)
      append_note(notes, NT_FPREGSET, &floating, sizeof floating);
  }
  return notes;
}

Result<void> write_at(int fd, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "write the core dump");
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

bool is_zero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

Result<std::uint64_t> write_live_dump(pid_t pid, int fd, std::uint64_t limit_bytes) {
  BERTH_TRY(const auto held, Held::hold(pid));
  auto areas = read_areas(pid);
  if (areas.empty()) return fail(Errc::kDenied, "the memory of process {} may not be read", pid);
  std::uint64_t left = limit_bytes;
  for (auto& area : areas) {
    area.kept_bytes = std::min(area.kept_bytes, left / kPage * kPage);
    left -= area.kept_bytes;
  }
  BERTH_TRY(const auto notes, make_notes(pid, held->threads(), areas));

  const std::size_t segments = areas.size() + 1;
  if (segments >= PN_XNUM) return fail(Errc::kTooLarge, "{} areas of memory", areas.size());
  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_ident[EI_DATA] = ELFDATA2LSB;
  head.e_ident[EI_VERSION] = EV_CURRENT;
  head.e_type = ET_CORE;
#if defined(__x86_64__)
  head.e_machine = EM_X86_64;
#else
  head.e_machine = EM_AARCH64;
#endif
  head.e_version = EV_CURRENT;
  head.e_phoff = sizeof head;
  head.e_ehsize = sizeof head;
  head.e_phentsize = sizeof(Elf64_Phdr);
  head.e_phnum = static_cast<Elf64_Half>(segments);
  std::string front;
  append(front, &head, sizeof head);
  const std::uint64_t notes_at = sizeof head + segments * sizeof(Elf64_Phdr);
  Elf64_Phdr note{};
  note.p_type = PT_NOTE;
  note.p_offset = notes_at;
  note.p_filesz = notes.size();
  note.p_align = 4;
  append(front, &note, sizeof note);
  std::uint64_t at = (notes_at + notes.size() + kPage - 1) / kPage * kPage;
  for (const auto& area : areas) {
    Elf64_Phdr load{};
    load.p_type = PT_LOAD;
    load.p_flags = area.flags;
    load.p_offset = at;
    load.p_vaddr = area.begin;
    load.p_filesz = area.kept_bytes;
    load.p_memsz = area.end - area.begin;
    load.p_align = kPage;
    append(front, &load, sizeof load);
    at += area.kept_bytes;
  }
  BERTH_TRY_VOID(write_at(fd, front + notes, 0));

  const UniqueFd memory(::open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory) return fail_errno(errno, fmt::format("read the memory of process {}", pid));
  std::string piece;
  std::uint64_t begin = (notes_at + notes.size() + kPage - 1) / kPage * kPage;
  for (const auto& area : areas) {
    for (std::uint64_t had = 0; had < area.kept_bytes;) {
      piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, area.kept_bytes - had)));
      const auto got =
          ::pread(memory.get(), piece.data(), piece.size(), static_cast<off_t>(area.begin + had));
      if (got <= 0) break;  // of this area the rest stays a hole
      piece.resize(static_cast<std::size_t>(got));
      if (!is_zero(piece)) BERTH_TRY_VOID(write_at(fd, piece, begin + had));
      had += static_cast<std::uint64_t>(got);
    }
    begin += area.kept_bytes;
  }
  if (::ftruncate(fd, static_cast<off_t>(at)) != 0) return fail_errno(errno, "write the core dump");
  return at;
}

}  // namespace berth::crash
