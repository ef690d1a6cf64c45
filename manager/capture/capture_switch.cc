#include "manager/capture/capture_switch.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utc.h"
#include "net/address.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr std::string_view kName = "capture", kUntil = "captureUntil", kPassword = "capturePassword";
constexpr std::size_t kMostClients = 16;
constexpr uid_t kNobody = 65'534;  // with CAP_NET_RAW alone
constexpr int kPasswordFd = 3;
constexpr std::chrono::minutes kLookAgain{1};  // the clock may have been set
constexpr std::chrono::seconds kEnd{2};        // for the process, after each signal

std::vector<std::string> words_of(std::string_view text) {
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), ',', ' ');
  std::vector<std::string> words;
  for (const auto word : split(plain, ' '))
    if (!trim(word).empty()) words.emplace_back(trim(word));
  return words;
}

std::chrono::system_clock::time_point now() { return std::chrono::system_clock::now(); }

}  // namespace

Result<std::vector<std::string>> parse_capture_from(std::string_view text) {
  std::vector<std::string> addresses;
  for (const auto& word : words_of(text)) {
    const auto address = net::Address::parse(word, 0);
    if (!address) return fail(Errc::kMalformed, "{}: an IP address is expected", word);
    addresses.push_back(address->ip());
  }
  if (addresses.size() > kMostClients) return fail(Errc::kMalformed, "at most {} addresses", kMostClients);
  return addresses;
}

Result<void> check_capture_from(std::string_view text) {
  BERTH_TRY_VOID(parse_capture_from(text));
  return {};
}

Result<void> check_capture_until(std::string_view text) {
  const auto moment = parse_utc(text);
  if (!moment) return fail(Errc::kMalformed, "a moment as 2026-11-23T08:00:00Z is expected");
  if (*moment > now() + CaptureSwitch::kLongest)
    return fail(Errc::kMalformed, "at most {} hours from now", CaptureSwitch::kLongest.count());
  return {};
}

Result<void> check_capture_interfaces(std::string_view text) {
  for (const auto& word : words_of(text))
    if (word.size() > 15 || word.find('/') != std::string::npos || word.starts_with('-'))
      return fail(Errc::kMalformed, "{}: the name of an interface is expected, as eth0", word);
  return {};
}

CaptureSwitch::CaptureSwitch(loop::Loop& loop, ProcessTable& table, Settings& settings, const Layout& layout,
                             bool is_root, std::string program)
    : loop_(loop),
      table_(table),
      settings_(settings),
      layout_(layout),
      is_root_(is_root),
      program_(std::move(program)),
      timer_(loop),
      tasks_(loop, "capture") {
  SupervisedOptions options;
  options.name = kName;
  options.program = program_;
  options.plan = [this] { return plan(); };
  options.stop_steps = {{SIGTERM, kEnd}};
  process_ = std::make_unique<SupervisedProcess>(loop_, table, std::move(options));
}

std::vector<std::string> CaptureSwitch::arguments() const {
  const auto from = or_throw(parse_capture_from(settings_.text("captureFrom")));
  const bool is_local = std::all_of(from.begin(), from.end(), [](const auto& ip) {
    return or_throw(net::Address::parse(ip, 0)).is_loopback();
  });
  const auto is_v6 = [](const auto& ip) { return ip.find(':') != std::string::npos; };
  const bool has_v6 = std::any_of(from.begin(), from.end(), is_v6);
  const bool has_v4 = !std::all_of(from.begin(), from.end(), is_v6);
  // "::" takes both kinds.
  const char* address = has_v6 && (has_v4 || !is_local) ? "::"
                        : has_v6                        ? "::1"
                        : is_local                      ? "127.0.0.1"
                                                        : "0.0.0.0";
  const auto until = parse_utc(settings_.text(kUntil)).value_or(std::chrono::sys_seconds{});
  std::vector<std::string> all = {"--listen", address,
                                  "--port",   settings_.text("capturePort"),
                                  "--until",  std::to_string(until.time_since_epoch().count()),
                                  "--allow",  fmt::format("{}", fmt::join(from, ","))};
  const auto interfaces = words_of(settings_.text("captureInterface"));
  if (!interfaces.empty())
    all.insert(all.end(), {"--interface", fmt::format("{}", fmt::join(interfaces, ","))});
  if (is_root_) all.insert(all.end(), {"--uid", std::to_string(kNobody)});
  all.insert(all.end(),
             {"--user", settings_.text("captureUser"), "--password-fd", std::to_string(kPasswordFd)});
  return all;
}

Task<ProcessPlan> CaptureSwitch::plan() {
  const std::string logs = layout_.log(kName);
  or_throw(make_directories(logs, 0750));
  ProcessPlan plan;
  plan.spawn.program = program_;
  plan.spawn.arguments = arguments();
  plan.spawn.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"})
    if (const char* value = ::getenv(name))
      plan.spawn.environment->push_back(fmt::format("{}={}", name, value));
  const auto password = co_await settings_.secret(kPassword);
  if (!password || password->empty())
    throw_failure(Errc::kDenied, "no password is set: berth capture on makes one");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(errno_error(errno, "pipe"));
  password_ = UniqueFd(ends[0]);
  const UniqueFd writing(ends[1]);
  // One from before there was a limit must not block us.
  ::fcntl(writing.get(), F_SETFL, O_NONBLOCK);
  or_throw(write_all(writing.get(), *password));
  plan.spawn.descriptors.emplace_back(password_.get(), kPasswordFd);
  plan.spawn.directory = "/";
  plan.output = logs + "/output.log";
  co_return plan;
}

// One that an earlier manager has left, and that is not wanted any more, or not like that. Gives false if it
// still runs: then another must not be started beside it.
Task<bool> CaptureSwitch::end_survivor(bool is_wanted) {
  const auto survivor = table_.find_survivor(std::string(kName), program_);
  if (!survivor) co_return true;
  std::string expected;
  if (is_wanted)
    for (const auto& argument : arguments()) (expected += argument) += '\0';
  const auto running = read_file(fmt::format("/proc/{}/cmdline", survivor->pid), 1 << 16);
  if (is_wanted && running && running->substr(running->find('\0') + 1) == expected) co_return true;
  log_info("capture of an earlier manager is ended", {{"pid", survivor->pid}});
  const auto watch = loop::ProcessWatch::make(loop_, survivor->pid);
  bool is_gone = !watch && watch.error().code == Errc::kNotFound;
  if (watch) {
    loop::Spawned<loop::ExitStatus> ended(loop_, (*watch)->wait());
    for (const int signal : {SIGTERM, SIGKILL}) {
      if (signal == SIGKILL)
        log_warning("capture of an earlier manager does not end by itself", {{"pid", survivor->pid}});
      (*watch)->send_signal(signal);
      is_gone = co_await wait_at_most(loop_, ended.done(), kEnd);
      if (is_gone) break;
    }
  }
  if (!is_gone) {
    log_error("capture of an earlier manager still runs", {{"pid", survivor->pid}});
    co_return false;
  }
  // One that is dead is none to the next manager either.
  if (const auto removed = table_.remove(std::string(kName)); !removed)
    log_warning("process table", {{"error", removed.error().detail}});
  co_return true;
}

void CaptureSwitch::begin() {
  is_on_ = true;
  wake();
}

void CaptureSwitch::changed(const std::vector<std::string>& names) {
  if (std::any_of(names.begin(), names.end(), [](const auto& name) { return name.starts_with("capture"); }))
    wake();
}

void CaptureSwitch::secret_changed(const std::string& name) {
  if (name != kPassword) return;
  ++password_changes_;
  wake();
}

void CaptureSwitch::wake() {
  if (!is_on_) return;
  is_again_ = true;
  if (!is_applying_) tasks_.spawn(apply());
}

Task<void> CaptureSwitch::apply() {
  is_applying_ = true;
  struct Done {
    bool& is_applying;
    ~Done() { is_applying = false; }
  } done{is_applying_};
  while (std::exchange(is_again_, false)) {
    timer_.cancel();
    const auto until = parse_utc(settings_.text(kUntil));
    const auto left = until ? *until - now() : std::chrono::system_clock::duration(0);
    const bool is_wanted =
        left.count() > 0 && left <= kLongest && is_root_ &&
        !parse_capture_from(settings_.text("captureFrom")).value_or(std::vector<std::string>()).empty();
    if (!has_looked_) {  // what is left of an earlier manager is tried again each minute, until it is gone
      has_looked_ = co_await end_survivor(is_wanted);
      if (!has_looked_) {
        timer_.start(kLookAgain, [this] { wake(); });
        continue;
      }
    }
    std::string wanted;
    if (is_wanted)
      for (const char* name :
           {"captureUntil", "captureFrom", "captureInterface", "capturePort", "captureUser"})
        wanted += settings_.text(name) + "\n";
    if (is_wanted) wanted += std::to_string(password_changes_);
    if (wanted != running_) {
      if (!running_.empty()) co_await process_->stop();
      running_ = wanted;
      if (is_wanted) process_->start();
    }
    if (until && left.count() <= 0) {
      // A database that is away refuses or throws: then it is tried again.
      timer_.start(kLookAgain, [this] { wake(); });
      const auto set = co_await settings_.set(std::string(kUntil), "");
      if (set) log_info("capture is over");
      else log_warning("capture", {{"error", set.error().detail}});
    }
    if (is_wanted)
      timer_.start(std::min<loop::Duration>(std::chrono::duration_cast<loop::Duration>(left), kLookAgain),
                   [this] { wake(); });
  }
}

Task<void> CaptureSwitch::stop() {
  let_go();
  running_.clear();
  co_await process_->stop();
}

void CaptureSwitch::let_go() {
  is_on_ = false;
  timer_.cancel();
  tasks_.cancel_all();
  is_applying_ = false;
}

std::string CaptureSwitch::trouble() const {
  return !is_root_                               ? "the manager does not run as root"
         : settings_.text("captureFrom").empty() ? "no address is allowed (setting captureFrom)"
         // What has only just been switched on starts, and counts as on.
         : process_->pid() > 0 && process_->state() != ProcessState::kCrashed ? ""
                                                                              : process_->detail();
}

bool CaptureSwitch::is_wanted() const {
  const auto until = parse_utc(settings_.text(kUntil));
  return until && *until > now();
}

std::optional<api::Mode> CaptureSwitch::mode() const {
  if (!is_wanted() || !trouble().empty()) return std::nullopt;
  return api::Mode{std::string(kUntil), settings_.text(kUntil)};
}

std::vector<api::Check> CaptureSwitch::checks() const {
  const std::string reason = is_wanted() ? trouble() : "";
  if (reason.empty()) return {};
  api::Check check;
  check.id = "capture-failed";
  check.command = "berth capture off";
  check.severity = api::Severity::kWarning;
  check.values = {reason};
  check.text = fmt::format("Packet capture is wanted and does not run: {}.", reason);
  check.fix = "Mend the reason, or switch it off.";
  return {check};
}

}  // namespace berth::manager
