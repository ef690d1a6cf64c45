// berth-core: what the manager runs beside itself for core dumps, so that a hostile one harms a process that may do nothing.
//
//   berth-core collect UID BYTES   core dump at descriptor 3, as user UID (0: as it is): compresses its first BYTES to descriptor 4 and
//                                  prints what it tells, a JSON object a line: {"notes":…}, {"coreBytes":…}, {"stack":…}
//   berth-core dump PID BYTES      writes the memory of a living process to descriptor 4, at most BYTES of it
//
// Exit code 0: done; 1: not, with the reason on standard error; 2: usage.
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

#include "archive/zstd_file.h"
#include "base/text.h"
#include "crash/core_notes.h"
#include "crash/live_dump.h"
#include "crash/stack.h"
#include "wire/json/json.h"

namespace berth::crash {
namespace {

constexpr int kSourceFd = 3, kTargetFd = 4, kUsage = 2;
constexpr rlim_t kSeconds = 120;  // of CPU

void limit_self() {
  (void)::setpriority(PRIO_PROCESS, 0, 10);
  const rlimit seconds{kSeconds, kSeconds}, none{0, 0};
  (void)::setrlimit(RLIMIT_CPU, &seconds);
  (void)::setrlimit(RLIMIT_CORE, &none);
#if !__has_feature(address_sanitizer)
  const rlimit memory{2UL << 30, 2UL << 30};
  (void)::setrlimit(RLIMIT_DATA, &memory);
#endif
}

void become(uid_t uid) {
  if (uid == 0 || ::geteuid() != 0) return;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0)
    throw Failure(errno_error(errno, fmt::format("become user {}", uid)));
}

void print(const json::Object& object) {
  std::printf("%s\n", json::serialize(object).c_str());
  std::fflush(stdout);
}

std::string printable(std::string text) {
  if (is_valid_utf8(text)) return text;
  for (char& c : text)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return text;
}

void print_notes() {
  Bytes front(kNotesWithin);
  std::size_t had = 0;
  while (had < front.size()) {
    const auto got = ::pread(kSourceFd, front.data() + had, front.size() - had, static_cast<off_t>(had));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    had += static_cast<std::size_t>(got);
  }
  front.resize(had);
  const auto notes = or_throw(parse_core_notes(front));
  json::Object told{{"signal", notes.signal}, {"code", notes.signal_code}, {"threads", notes.threads.size()}};
  if (notes.fault_address) told["address"] = fmt::format("0x{:x}", *notes.fault_address);
  print({{"notes", std::move(told)}});
}

void compress(std::uint64_t limit_bytes) {
  archive::ZstdWriter writer(kTargetFd);
  std::vector<char> piece(1 << 20);
  std::uint64_t at = 0;
  while (at < limit_bytes) {
    const auto wanted = std::min<std::uint64_t>(piece.size(), limit_bytes - at);
    const auto got = ::pread(kSourceFd, piece.data(), wanted, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failure(errno_error(errno, "read the core dump"));
    if (got == 0) break;
    writer.write({piece.data(), static_cast<std::size_t>(got)});
    at += static_cast<std::uint64_t>(got);
  }
  writer.finish();
  print({{"coreBytes", writer.stored_bytes()}, {"rawBytes", at}});
}

void print_stack() {
  const auto stack = or_throw(read_stack(kSourceFd));
  json::Array frames;
  for (const auto& frame : stack.frames)
    frames.push_back(json::Object{{"function", printable(frame.function)},
                                  {"place", printable(frame.place)},
                                  {"module", printable(frame.module)},
                                  {"address", frame.address}});
  print({{"stack", std::move(frames)}, {"threads", stack.threads}});
}

std::uint64_t number(const char* text) {
  const auto value = parse_integer(text);
  if (!value || *value < 0) throw_failure(Errc::kMalformed, "{} is no number", text);
  return static_cast<std::uint64_t>(*value);
}

int run(int argc, char** argv) {
  const std::string_view command = argc == 4 ? argv[1] : "";
  if (command != "collect" && command != "dump") {
    std::fprintf(stderr, "berth-core is for the manager: collect UID BYTES, dump PID BYTES\n");
    return kUsage;
  }
  if (command == "dump") {
    print({{"bytes",
            or_throw(write_live_dump(static_cast<pid_t>(number(argv[2])), kTargetFd, number(argv[3])))}});
    return 0;
  }
  become(static_cast<uid_t>(number(argv[2])));
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit_self();
  print_notes();
  compress(number(argv[3]));
  print_stack();
  return 0;
}

}  // namespace
}  // namespace berth::crash

int main(int argc, char** argv) {
  try {
    return berth::crash::run(argc, argv);
  } catch (...) {
    std::fprintf(stderr, "%s\n", berth::current_error().detail.c_str());
    return 1;
  }
}
