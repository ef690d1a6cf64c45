#include "manager/platform/handover.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/platform/schema.h"
#include "manager/platform/version.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

constexpr const char* kVariable = "BERTH_HANDOVER";  // number of the descriptor
constexpr int kFormat = 1;
constexpr std::size_t kMostBytes = 65536;
constexpr auto kCheckLimit = 20s;  // it takes milliseconds, but a first start from a slow disk more

int newest_schema() { return manager_migrations().back().version; }

json::Object to_json(const Handover& handover) {
  return {{"format", kFormat},
          {"lock", handover.lock.get()},
          {"control", handover.control.get()},
          {"admin", handover.admin.get()},
          {"version", handover.version},
          {"build", handover.build},
          {"webserver", handover.webserver}};
}

Result<UniqueFd> inherited(const json::Object& object, std::string_view name) {
  BERTH_TRY(const auto number, json::require_integer(object, name, 3, 1 << 20));
  const int fd = static_cast<int>(number);
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return fail_errno(errno, fmt::format("inherited {}", name));
  return UniqueFd(fd);
}

Result<Handover> parse(std::string_view text) {
  BERTH_TRY(const auto object, json::parse_object(text));
  if (json::get_integer(object, "format") != kFormat)
    return fail(Errc::kMalformed, "format {}, this build knows {}", json::get_integer(object, "format"),
                kFormat);
  Handover handover;
  BERTH_TRY(handover.lock, inherited(object, "lock"));
  BERTH_TRY(handover.control, inherited(object, "control"));
  BERTH_TRY(handover.admin, inherited(object, "admin"));
  handover.version = json::get_string(object, "version");
  handover.build = json::get_string(object, "build");
  handover.webserver = json::get_bool(object, "webserver");
  return handover;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

std::string describe_self() {
  return json::serialize(json::Object{{"program", "berth-manager"},
                                      {"version", platform_version()},
                                      {"build", platform_build()},
                                      {"handover", kFormat},
                                      {"schema", newest_schema()}});
}

loop::Task<Successor> check_successor(loop::Loop& loop, std::string program,
                                      std::vector<std::string> arguments) {
  loop::CommandOptions command;
  command.spawn.program = program;
  command.spawn.arguments = std::move(arguments);
  command.spawn.arguments.emplace_back("--self-check");
  command.limit_bytes = kMostBytes;
  auto running = loop::run_command(loop, std::move(command));
  const auto result = co_await loop::with_timeout(loop, kCheckLimit, std::move(running), "its self-check");
  const auto words = [&] {
    const auto line = trim(result.errors);
    return std::string(line.substr(0, line.find('\n')));
  };
  if (!result.status.is_success())
    throw_failure(Errc::kFailed, "{} cannot take over: {}{}; the manager goes on as it is", program,
                  result.status.describe(), result.errors.empty() ? "" : ": " + words());
  const auto told = json::parse_object(trim(result.output));
  if (!told || json::get_string(*told, "program") != "berth-manager")
    throw_failure(Errc::kFailed, "{} is no manager; the manager goes on as it is", program);
  if (json::get_integer(*told, "handover") != kFormat)
    throw_failure(Errc::kUnsupported,
                  "{} (build {}) cannot take over from this build while it runs; stop the platform and start "
                  "it again",
                  program, json::get_string(*told, "build"));
  if (json::get_integer(*told, "schema") < newest_schema())
    throw_failure(Errc::kUnsupported,
                  "{} (version {}) is older than the manager's database, which is at step {}; the manager "
                  "goes on as it is",
                  program, json::get_string(*told, "version"), newest_schema());
  co_return Successor{json::get_string(*told, "version"), json::get_string(*told, "build")};
}

Error become_successor(const std::string& program, const std::vector<std::string>& arguments,
                       const Handover& handover) {
  const UniqueFd memory(::memfd_create("berth-handover", MFD_CLOEXEC));
  if (!memory) return errno_error(errno, "memfd_create");
  if (const auto written = write_all(memory.get(), json::serialize(to_json(handover))); !written)
    return written.error();
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = {fmt::format("{}={}", kVariable, memory.get())};
  for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);
  auto argv = pointers(words), envp = pointers(environment);
  // Whatever a library left open without the mark: nothing but this goes along.
  ::syscall(SYS_close_range, 3U, ~0U, static_cast<unsigned>(CLOSE_RANGE_CLOEXEC));
  const int stay[] = {memory.get(), handover.lock.get(), handover.control.get(), handover.admin.get()};
  for (const int fd : stay) ::fcntl(fd, F_SETFD, 0);
  ::execve(argv[0], argv.data(), envp.data());
  const int number = errno;
  for (const int fd : stay) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return errno_error(number, "start " + program);
}

Result<std::optional<Handover>> take_handover() {
  const char* value = ::getenv(kVariable);
  if (!value) return std::nullopt;
  const auto number = parse_integer(value);
  ::unsetenv(kVariable);
  if (!number || *number < 3 || *number > 1 << 20)
    return fail(Errc::kMalformed, "{}: no descriptor", kVariable);
  const UniqueFd memory(static_cast<int>(*number));
  std::string text(kMostBytes, '\0');
  const auto got = ::pread(memory.get(), text.data(), text.size(), 0);
  if (got < 0) return fail_errno(errno, "read the handover");
  text.resize(static_cast<std::size_t>(got));
  auto handover = parse(text);
  if (!handover) return tl::unexpected(std::move(handover.error()).within("handover"));
  return std::optional<Handover>(std::move(*handover));
}

void reap_ended_children() {
  int status = 0;
  while (const pid_t pid = ::waitpid(-1, &status, WNOHANG)) {
    if (pid < 0) return;
    log_info("ended while the manager was being replaced", {{"pid", pid}, {"status", status}});
  }
}

std::vector<pid_t> own_children() {
  const auto text = read_file(fmt::format("/proc/self/task/{}/children", ::getpid()), 1 << 20);
  std::vector<pid_t> children;
  if (!text) return children;
  for (const auto word : split(*text, ' '))
    if (const auto pid = parse_integer(trim(word))) children.push_back(static_cast<pid_t>(*pid));
  return children;
}

}  // namespace berth::manager
