#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "archive/zstd_file.h"
#include "base/file.h"
#include "base/text.h"
#include "crash/core_notes.h"
#include "crash/live_dump.h"
#include "crash/stack.h"
#include "wire/json/json.h"

namespace berth::crash {
namespace {

using testing::HasSubstr;

struct TemporaryFolder {
  std::string path;
  TemporaryFolder() {
    char name[] = "/tmp/berth-crash-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~TemporaryFolder() { EXPECT_TRUE(remove_tree(path)); }
};

bool is_asleep(pid_t pid) {
  return or_throw(read_file(fmt::format("/proc/{}/status", pid))).find("State:\tS") != std::string::npos;
}

// Runs the victim in `folder` with core dumps allowed; with "wait" and "threads" until it stands where it waits.
pid_t start_victim(const std::string& how, const std::string& folder) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(ends[1], 1);
    ::close(ends[0]);
    ::close(ends[1]);
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_CORE, &all) != 0 || ::chdir(folder.c_str()) != 0) ::_exit(99);
    const char* arguments[] = {CRASH_VICTIM, how.c_str(), nullptr};
    const char* environment[] = {"ASAN_OPTIONS=disable_coredump=0:handle_segv=0:detect_leaks=0", nullptr};
    ::execve(CRASH_VICTIM, const_cast<char**>(arguments), const_cast<char**>(environment));
    ::_exit(98);
  }
  ::close(ends[1]);
  char word[8];
  if (how == "wait" || how == "threads") {
    EXPECT_GT(::read(ends[0], word, sizeof word), 0);
    while (!is_asleep(pid)) ::sched_yield();  // it has said so, and is on its way
  }
  ::close(ends[0]);
  return pid;
}

int end_of(pid_t pid) {
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return status;
}

std::vector<std::string> functions(const std::vector<Frame>& frames) {
  std::vector<std::string> names;
  for (const auto& frame : frames) names.push_back(frame.function);
  return names;
}

// A process that waits, dumped while it lives.
class LiveDump : public testing::Test {
 protected:
  void dump(const std::string& how, std::uint64_t limit = 1 << 30) {
    pid_ = start_victim(how, folder_.path);
    file_ = UniqueFd(::open((folder_.path + "/dump").c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    written_ = write_live_dump(pid_, file_.get(), limit);
  }
  void TearDown() override {
    if (!pid_) return;
    ::kill(pid_, SIGKILL);
    EXPECT_TRUE(WIFSIGNALED(end_of(pid_)));
  }
  Bytes front() const {
    Bytes bytes(kNotesWithin);
    const auto got = ::pread(file_.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return bytes;
  }
  TemporaryFolder folder_;
  pid_t pid_ = 0;
  UniqueFd file_;
  Result<std::uint64_t> written_;
};

TEST_F(LiveDump, TellsWhereAProcessStandsAndLetsItGoOn) {
  dump("wait");
  ASSERT_TRUE(written_) << written_.error().detail;
  const auto stack = read_stack(file_.get());
  ASSERT_TRUE(stack) << stack.error().detail;
  EXPECT_THAT(functions(stack->frames), testing::Contains("victim::wait_here"));
  EXPECT_THAT(functions(stack->frames), testing::Contains("main"));
  const int own = find_own_frame(stack->frames);
  ASSERT_GE(own, 0);
  const auto& frame = stack->frames[static_cast<std::size_t>(own)];
  EXPECT_EQ(frame.function, "victim::wait_here");
  EXPECT_THAT(frame.place, testing::StartsWith("main_victim.cc:"));
  EXPECT_EQ(frame.module, "crash_victim");
  // It is not stopped, and nobody traces it.
  const auto status = or_throw(read_file(fmt::format("/proc/{}/status", pid_)));
  EXPECT_THAT(status, HasSubstr("State:\tS"));
  EXPECT_THAT(status, HasSubstr("TracerPid:\t0"));
}

TEST_F(LiveDump, HasAllThreadsAndTheMemory) {
  dump("threads");
  ASSERT_TRUE(written_) << written_.error().detail;
  const auto notes = parse_core_notes(front());
  ASSERT_TRUE(notes) << notes.error().detail;
  EXPECT_GE(notes->threads.size(), 4u);  // a sanitizer may have one of its own
  EXPECT_EQ(notes->threads.front(), pid_);
  EXPECT_EQ(notes->program, "crash_victim");
  EXPECT_EQ(notes->signal, 0);
  struct stat info{};
  ASSERT_EQ(::fstat(file_.get(), &info), 0);
  void* memory =
      ::mmap(nullptr, static_cast<std::size_t>(info.st_size), PROT_READ, MAP_PRIVATE, file_.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::string_view word = "a word that is in memory only";
  EXPECT_NE(::memmem(memory, static_cast<std::size_t>(info.st_size), word.data(), word.size()), nullptr);
  ::munmap(memory, static_cast<std::size_t>(info.st_size));
}

TEST_F(LiveDump, StopsAtItsLimit) {
  dump("wait", 64 << 10);
  ASSERT_TRUE(written_) << written_.error().detail;
  EXPECT_LT(*written_, 2u << 20);  // the notes, and 64 KiB of memory
  EXPECT_TRUE(parse_core_notes(front()));
}

TEST_F(LiveDump, SaysThatThereIsNoSuchProcess) {
  const UniqueFd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(write_live_dump(0x3fffff, nowhere.get(), 1 << 20).error().code, Errc::kNotFound);
}

TEST_F(LiveDump, AgreesWithADebugger) {
  if (!path_exists("/usr/bin/gdb")) GTEST_SKIP() << "gdb is not installed";
  dump("threads");
  ASSERT_TRUE(written_) << written_.error().detail;
  const std::string command =
      fmt::format("timeout 60 gdb -nx -batch -ex bt {} {}/dump 2>&1", CRASH_VICTIM, folder_.path);
  FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string text(1 << 16, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), pipe));
  ::pclose(pipe);
  EXPECT_THAT(text, HasSubstr("victim::wait_here"));
  EXPECT_THAT(text, HasSubstr("Core was generated by"));
}

// The kernel's own dumps, where it puts them beside the process.
class KernelDump : public testing::Test {
 protected:
  void crash(const std::string& how) {
    const auto pattern = or_throw(read_file("/proc/sys/kernel/core_pattern", 4096));
    if (!pattern.starts_with("core")) GTEST_SKIP() << "core dumps go elsewhere: " << pattern;
    pid_ = start_victim(how, folder_.path);
    status_ = end_of(pid_);
    ASSERT_TRUE(WIFSIGNALED(status_));
    if (!WCOREDUMP(status_)) GTEST_SKIP() << "the system writes no core dumps";
    std::string name = folder_.path + "/core";
    if (!path_exists(name)) name += fmt::format(".{}", pid_);
    file_ = UniqueFd(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file_);
    front_ = Bytes(kNotesWithin);
    front_.resize(static_cast<std::size_t>(::pread(file_.get(), front_.data(), front_.size(), 0)));
  }
  TemporaryFolder folder_;
  pid_t pid_ = 0;
  int status_ = 0;
  UniqueFd file_;
  Bytes front_;
};

TEST_F(KernelDump, TellsSignalAddressAndStackOfASegmentationFault) {
  ASSERT_NO_FATAL_FAILURE(crash("segv"));
  if (!file_) return;
  const auto notes = or_throw(parse_core_notes(front_));
  EXPECT_EQ(notes.signal, SIGSEGV);
  EXPECT_EQ(notes.fault_address, 0x10u);
  const auto stack = or_throw(read_stack(file_.get()));
  const auto names = functions(stack.frames);
  ASSERT_GE(names.size(), 5u);
  EXPECT_EQ(names[0], "victim::write_nowhere");
  EXPECT_EQ(names[1], "victim::inner");
  EXPECT_EQ(find_own_frame(stack.frames), 0);
}

TEST_F(KernelDump, LooksBehindTheMachineryOfAbort) {
  ASSERT_NO_FATAL_FAILURE(crash("abort"));
  if (!file_) return;
  const auto notes = or_throw(parse_core_notes(front_));
  EXPECT_EQ(notes.signal, SIGABRT);
  EXPECT_FALSE(notes.fault_address);
  const auto stack = or_throw(read_stack(file_.get()));
  const int own = find_own_frame(stack.frames);
  ASSERT_GE(own, 0);
  EXPECT_EQ(stack.frames[static_cast<std::size_t>(own)].function, "main");
}

TEST_F(KernelDump, TellsItsNotesHoweverItIsCut) {
  ASSERT_NO_FATAL_FAILURE(crash("segv"));
  if (!file_) return;
  const auto whole = or_throw(parse_core_notes(front_));
  for (std::size_t size = 0; size < 20'000 && size < front_.size(); size += 7) {
    const auto notes = parse_core_notes(ByteView(front_).first(size));
    if (notes && !notes->threads.empty()) EXPECT_EQ(notes->threads.front(), whole.threads.front());
  }
}

TEST_F(KernelDump, IsReducedByTheProgram) {
  ASSERT_NO_FATAL_FAILURE(crash("segv"));
  if (!file_) return;
  const UniqueFd packed(::open((folder_.path + "/packed").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const std::string command =
      fmt::format("{} collect 0 1000000000 3<&{} 4>&{}", BERTH_CORE, file_.get(), packed.get());
  ::fcntl(file_.get(), F_SETFD, 0);
  ::fcntl(packed.get(), F_SETFD, 0);
  FILE* pipe = ::popen(command.c_str(), "re");
  ASSERT_NE(pipe, nullptr);
  std::string text(1 << 16, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), pipe));
  EXPECT_EQ(::pclose(pipe), 0);
  EXPECT_THAT(text, HasSubstr(R"("address":"0x10")"));
  EXPECT_THAT(text, HasSubstr(R"("function":"victim::write_nowhere")"));
  // What is kept is the dump.
  ASSERT_EQ(::lseek(packed.get(), 0, SEEK_SET), 0);
  archive::ZstdReader reader(packed.get());
  std::vector<char> begin(front_.size());
  begin.resize(reader.read(begin));
  EXPECT_EQ(begin.size(), front_.size());
  EXPECT_EQ(std::memcmp(begin.data(), front_.data(), begin.size()), 0);
}

TEST(CoreNotes, RefusesWhatIsNoDump) {
  EXPECT_FALSE(parse_core_notes({}));
  EXPECT_FALSE(parse_core_notes(as_bytes("#!/bin/sh\necho a script that calls itself core\n")));
  const auto program = or_throw(read_file(CRASH_VICTIM));
  EXPECT_FALSE(parse_core_notes(as_bytes(program)));
}

TEST(Group, IsTheSameOverBuildsAndAnotherForAnotherPlace) {
  const std::vector<Frame> first = {{"raise", "", "libc.so.6", "0x1"},
                                    {"notes::save", "notes.cc:10", "notes", "0x100"},
                                    {"notes::received", "notes.cc:90", "notes", "0x200"}};
  auto next_build = first;
  next_build[1].place = "notes.cc:14";
  next_build[1].address = "0x180";
  EXPECT_EQ(group_of("notes", "signal 6", first), group_of("notes", "signal 6", next_build));
  auto elsewhere = first;
  elsewhere[1].function = "notes::load";
  EXPECT_NE(group_of("notes", "signal 6", first), group_of("notes", "signal 6", elsewhere));
  EXPECT_NE(group_of("notes", "signal 6", first), group_of("notes", "signal 11", first));
  EXPECT_NE(group_of("notes", "signal 6", first), group_of("echo", "signal 6", first));
  EXPECT_EQ(group_of("notes", "signal 6", {}).size(), 16u);
  EXPECT_EQ(find_own_frame(first), 1);
  EXPECT_EQ(find_own_frame({}), -1);
}

}  // namespace
}  // namespace berth::crash
