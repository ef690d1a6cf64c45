#include "crash/core_notes.h"

#include <elf.h>
#include <signal.h>
#include <sys/procfs.h>

#include <algorithm>
#include <cstring>

namespace berth::crash {
namespace {

constexpr std::size_t kMostThreads = 4096;

// The value at `offset`; nullopt if it is not there whole.
template <class T>
std::optional<T> read_at(ByteView bytes, std::uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

constexpr std::uint64_t pad4(std::uint64_t bytes) { return (bytes + 3) & ~std::uint64_t{3}; }

bool has_address(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP;
}

void take_note(std::uint32_t type, ByteView content, CoreNotes& notes) {
  if (type == NT_PRSTATUS) {
    const auto status = read_at<prstatus_t>(content, 0);
    if (!status || notes.threads.size() >= kMostThreads) return;
    if (notes.threads.empty()) notes.signal = status->pr_cursig;
    notes.threads.push_back(status->pr_pid);
  } else if (type == NT_PRPSINFO) {
    const auto info = read_at<prpsinfo_t>(content, 0);
    if (info) notes.program.assign(info->pr_fname, ::strnlen(info->pr_fname, sizeof info->pr_fname));
  } else if (type == NT_SIGINFO) {
    const auto info = read_at<siginfo_t>(content, 0);
    if (!info) return;
    notes.signal_code = info->si_code;
    // Above 0 it comes from the kernel; a signal sent by kill(2) has no address.
    if (info->si_code > 0 && has_address(info->si_signo))
      notes.fault_address = reinterpret_cast<std::uint64_t>(info->si_addr);
  }
}

void take_notes(ByteView segment, CoreNotes& notes) {
  for (std::uint64_t at = 0;;) {
    const auto head = read_at<Elf64_Nhdr>(segment, at);
    if (!head) return;
    const std::uint64_t name = at + sizeof(Elf64_Nhdr), content = name + pad4(head->n_namesz);
    if (content > segment.size()) return;
    const auto left = segment.subspan(content);
    const bool is_core =
        head->n_namesz == 5 &&
        std::memcmp(segment.data() + name, "CORE", std::min<std::size_t>(5, segment.size() - name)) == 0;
    if (is_core)
      take_note(head->n_type, left.first(std::min<std::uint64_t>(left.size(), head->n_descsz)), notes);
    at = content + pad4(head->n_descsz);
  }
}

}  // namespace

Result<CoreNotes> parse_core_notes(ByteView front) {
  const auto head = read_at<Elf64_Ehdr>(front, 0);
  if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64 ||
      head->e_ident[EI_DATA] != ELFDATA2LSB || head->e_type != ET_CORE)
    return fail(Errc::kMalformed, "no core dump");
  if (head->e_phentsize != sizeof(Elf64_Phdr)) return fail(Errc::kMalformed, "a core dump of another kind");
  CoreNotes notes;
  bool found = false;
  // With more than 65,534 segments the count stands elsewhere; the notes are the first segment all the same.
  for (unsigned i = 0; i < head->e_phnum; ++i) {
    const auto segment = read_at<Elf64_Phdr>(front, head->e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment) break;
    if (segment->p_type != PT_NOTE) continue;
    if (segment->p_offset >= front.size()) break;
    const auto bytes = front.subspan(segment->p_offset);
    take_notes(bytes.first(std::min<std::uint64_t>(bytes.size(), segment->p_filesz)), notes);
    found = true;
  }
  if (!found) return fail(Errc::kMalformed, "a core dump without notes");
  return notes;
}

}  // namespace berth::crash
