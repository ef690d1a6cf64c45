#include "crash/stack.h"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "base/bytes.h"
#include "base/text.h"

namespace berth::crash {
namespace {

std::string base_name(const char* path) {
  if (!path) return {};
  const std::string_view whole(path);
  return std::string(whole.substr(whole.rfind('/') + 1));
}

// "ns::f(int)" to "ns::f": overloads are told apart by their place.
std::string without_arguments(std::string name) {
  int depth = 0;
  for (std::size_t i = name.size(); i-- > 0;) {
    if (name[i] == ')') ++depth;
    if (name[i] == '(' && --depth == 0) {
      const auto before = std::string_view(name).substr(0, i);
      // "(anonymous namespace)::f" has parentheses of its own.
      if (before.ends_with("operator") || before.empty() || before.ends_with("::")) break;
      name.resize(i);
      break;
    }
  }
  return name;
}

std::string demangle(const char* name) {
  if (!name) return {};
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 && text ? without_arguments(text.get()) : std::string(name);
}

// "notes.cc:120". clang writes no table of which unit an address is in (.debug_aranges), which libdw 0.188 wants, so the units are
// asked one by one then.
std::string find_place(Dwfl_Module* module, Dwarf_Addr at) {
  int number = 0;
  if (Dwfl_Line* line = dwfl_module_getsrc(module, at)) {
    const char* file = dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
    return file ? fmt::format("{}:{}", base_name(file), number) : std::string();
  }
  Dwarf_Addr bias = 0;
  for (Dwarf_Die* unit = nullptr; (unit = dwfl_module_nextcu(module, unit, &bias));) {
    if (dwarf_haspc(unit, at - bias) != 1) continue;
    Dwarf_Line* line = dwarf_getsrc_die(unit, at - bias);
    const char* file = line ? dwarf_linesrc(line, nullptr, nullptr) : nullptr;
    if (file && dwarf_lineno(line, &number) == 0) return fmt::format("{}:{}", base_name(file), number);
  }
  return {};
}

Frame describe(Dwfl* dwfl, Dwarf_Addr pc, bool is_activation) {
  // The return address is that of the next instruction, which may be another line's.
  const Dwarf_Addr at = is_activation ? pc : pc - 1;
  Frame frame;
  Dwfl_Module* module = dwfl_addrmodule(dwfl, at);
  if (!module) {
    frame.address = fmt::format("0x{:x}", pc);
    return frame;
  }
  Dwarf_Addr begin = 0;
  const char* name = dwfl_module_info(module, nullptr, &begin, nullptr, nullptr, nullptr, nullptr, nullptr);
  frame.module = base_name(name);
  frame.address = fmt::format("0x{:x}", pc - begin);
  GElf_Off offset = 0;
  GElf_Sym symbol;
  frame.function = demangle(dwfl_module_addrinfo(module, at, &offset, &symbol, nullptr, nullptr, nullptr));
  frame.place = find_place(module, at);
  return frame;
}

struct Walk {
  Dwfl* dwfl;
  Stack stack;
};

int take_frame(Dwfl_Frame* state, void* argument) {
  auto& walk = *static_cast<Walk*>(argument);
  Dwarf_Addr pc = 0;
  bool is_activation = false;
  if (!dwfl_frame_pc(state, &pc, &is_activation)) return DWARF_CB_ABORT;
  walk.stack.frames.push_back(describe(walk.dwfl, pc, is_activation));
  return walk.stack.frames.size() >= kMostFrames ? DWARF_CB_ABORT : DWARF_CB_OK;
}

// The kernel writes the thread that crashed first.
int take_thread(Dwfl_Thread* thread, void* argument) {
  auto& walk = *static_cast<Walk*>(argument);
  if (walk.stack.threads++ == 0) dwfl_thread_getframes(thread, take_frame, argument);
  return DWARF_CB_OK;
}

struct EndDwfl {
  void operator()(Dwfl* dwfl) const { dwfl_end(dwfl); }
};
struct EndElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};

// libdw 0.188 opens programs by the paths that the dump tells, but forgets these when it looks beside them.
int find_debug_information(Dwfl_Module* module, void** data, const char* name, Dwarf_Addr base,
                           const char* file, const char* link, GElf_Word checksum, char** found) {
  return dwfl_standard_find_debuginfo(module, data, name, base, file ? file : name, link, checksum, found);
}

Error dwfl_failure(std::string_view what) {
  const char* text = dwfl_errmsg(-1);
  return Error{Errc::kMalformed, fmt::format("{}: {}", what, text ? text : "no reason given")};
}

bool is_machinery(const Frame& frame) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "raise",           "gsignal",        "abort",          "pthread_kill",
      "__assert_fail",   "__assert_",      "__pthread_kill", "__libc_message",
      "malloc_printerr", "std::terminate", "__cxa_throw",    "__cxxabiv1::",
      "_Unwind_",        "__interceptor_", "__sanitizer::",  "__gnu_cxx::__verbose_terminate"};
  for (const auto name : kNames)
    if (frame.function.starts_with(name)) return true;
  return frame.function.find("check_failed") != std::string::npos || frame.function.starts_with("__asan") ||
         frame.function.starts_with("__GI_") || frame.function.starts_with("__kill");
}

bool is_system_library(const Frame& frame) {
  for (const std::string_view name : {"libc.so", "libstdc++", "libgcc_s", "ld-linux", "libm.so", "libpthread",
                                      "[vdso", "linux-vdso", "libc-"})
    if (frame.module.starts_with(name)) return true;
  return false;
}

}  // namespace

Result<Stack> read_stack(int fd) {
  elf_version(EV_CURRENT);
  const std::unique_ptr<Elf, EndElf> core(elf_begin(fd, ELF_C_READ_MMAP, nullptr));
  if (!core) return fail(Errc::kMalformed, "core dump: {}", elf_errmsg(-1));
  char* debug_path = nullptr;
  Dwfl_Callbacks callbacks{};
  callbacks.find_elf = dwfl_build_id_find_elf;
  callbacks.find_debuginfo = find_debug_information;
  callbacks.debuginfo_path = &debug_path;
  // Declared before its use ends: the core must live as long.
  const std::unique_ptr<Dwfl, EndDwfl> dwfl(dwfl_begin(&callbacks));
  if (!dwfl) return tl::unexpected(dwfl_failure("libdw"));
  if (dwfl_core_file_report(dwfl.get(), core.get(), nullptr) < 0)
    return tl::unexpected(dwfl_failure("its modules"));
  if (dwfl_report_end(dwfl.get(), nullptr, nullptr) != 0) return tl::unexpected(dwfl_failure("its modules"));
  if (dwfl_core_file_attach(dwfl.get(), core.get()) < 0) return tl::unexpected(dwfl_failure("its threads"));
  Walk walk{dwfl.get(), {}};
  if (dwfl_getthreads(dwfl.get(), take_thread, &walk) != 0 && walk.stack.frames.empty())
    return tl::unexpected(dwfl_failure("its stack"));
  return std::move(walk.stack);
}

int find_own_frame(const std::vector<Frame>& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i)
    if (!frames[i].function.empty() && !is_machinery(frames[i]) && !is_system_library(frames[i]))
      return static_cast<int>(i);
  for (std::size_t i = 0; i < frames.size(); ++i)
    if (!frames[i].function.empty() && !is_machinery(frames[i])) return static_cast<int>(i);
  return -1;
}

std::string group_of(std::string_view service, std::string_view cause, const std::vector<Frame>& frames) {
  constexpr std::size_t kTold = 4;
  std::string text = fmt::format("{}\n{}\n", service, cause);
  // Names only: lines and addresses change with each build.
  std::size_t told = 0;
  const int own = find_own_frame(frames);
  for (std::size_t i = own < 0 ? 0 : static_cast<std::size_t>(own); i < frames.size() && told < kTold; ++i) {
    if (frames[i].function.empty() || is_machinery(frames[i])) continue;
    text += frames[i].function + "\n";
    ++told;
  }
  return sha256_hex(text).substr(0, 16);
}

}  // namespace berth::crash
