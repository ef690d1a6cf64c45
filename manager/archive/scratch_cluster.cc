#include "manager/archive/scratch_cluster.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utc.h"
#include "db/connection.h"
#include "manager/backup/child.h"
#include "manager/database/cluster_files.h"
#include "manager/database/leftovers.h"
#include "manager/supervise/supervised_process.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 6h;  // of a recovery: a job can be cancelled long before
constexpr auto kEndLimit = 10s;

}  // namespace

ScratchCluster::ScratchCluster(loop::Loop& loop, const Cluster& main, const TimeMachine& machine,
                               std::string socket_folder, std::string name, int port, std::string log_file)
    : loop_(loop),
      main_(main),
      machine_(machine),
      socket_folder_(std::move(socket_folder)),
      folder_(machine.scratch_folder() + "/" + name),
      log_file_(std::move(log_file)),
      port_(port) {}

ScratchCluster::~ScratchCluster() {
  if (!watch_ || has_ended_) return;
  watch_->send_signal(SIGQUIT);  // its children hear of it; whoever does not is ended by the next recover()
  ::waitpid(watch_->pid(), nullptr, 0);
}

db::ConnectionOptions ScratchCluster::superuser(std::string database) const {
  db::ConnectionOptions options;
  options.host = socket_folder_;
  options.port = port_;
  options.database = std::move(database);
  options.user = "berth";
  return options;
}

Task<void> ScratchCluster::recover(std::string base, std::vector<std::uint32_t> databases,
                                   std::chrono::sys_seconds moment,
                                   std::function<void(std::uint64_t percent)> progress) {
  co_await remove();
  main_.make_own_folder(machine_.scratch_folder(), 0700);
  main_.make_own_folder(folder_, 0700);
  main_.make_own_folder(socket_folder_, 0700);
  auto extracting = extract(std::move(base), std::move(databases), std::move(progress));
  co_await extracting;
  configure(moment);
  spawn();
  co_await wait_until_recovered();
  is_recovered_ = true;
}

Task<void> ScratchCluster::extract(std::string base, std::vector<std::uint32_t> databases,
                                   std::function<void(std::uint64_t percent)> progress) {
  loop::SpawnOptions options;
  options.program = machine_.program();
  options.arguments = {"extract", machine_.folder(), std::move(base), folder_,
                       fmt::format("{}", fmt::join(databases, ","))};
  options.directory = "/";
  const auto child = Child::start(loop_, main_.as_database_user(std::move(options)));
  std::string text;
  for (;;) {
    const std::string piece = co_await child->read();
    if (piece.empty()) break;
    text += piece;
    while (const auto end = text.find('\n') + 1) {
      const auto words = split(std::string_view(text).substr(0, end - 1), ' ');
      if (words.size() == 3 && words[0] == "progress" && progress) {
        const auto done = parse_integer(words[1]).value_or(0), of = parse_integer(words[2]).value_or(0);
        // The log takes the second half.
        progress(of > 0 ? static_cast<std::uint64_t>(done * 50 / of) : 50);
      }
      text.erase(0, end);
    }
  }
  const auto status = co_await child->wait();
  if (status.is_success()) co_return;
  Error error = error_of_child(*child, status, "bring back the base backup");
  if (status.code == 200 && error.code == Errc::kFailed) error.code = Errc::kMalformed;
  throw Failure(std::move(error));
}

void ScratchCluster::configure(std::chrono::sys_seconds moment) const {
  std::string text;
  const auto set = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("{} = {}\n", name, value);
  };
  set("listen_addresses", "''");
  set("port", std::to_string(port_));
  set("unix_socket_directories", quote_setting(socket_folder_));
  set("unix_socket_permissions", "0700");
  set("max_connections", "10");
  set("max_wal_senders", "0");
  set("shared_buffers", "64MB");
  set("max_prepared_transactions", "100");  // at least as many as the cluster may have had
  // Thrown away after use: nothing of it has to survive a power cut.
  set("fsync", "off");
  set("full_page_writes", "off");
  set("synchronous_commit", "off");
  set("autovacuum", "off");
  set("jit", "off");
  set("archive_mode", "off");
  set("hot_standby", "off");
  set("restore_command", quote_setting(machine_.restore_command()));
  // "+00", for it knows no "Z" yet when it reads its configuration.
  std::string target = format_utc(moment);
  target.replace(target.size() - 1, 1, "+00");
  set("recovery_target_time", quote_setting(target));
  set("recovery_target_action", "'promote'");
  set("recovery_target_timeline", "'latest'");
  set("timezone", "'UTC'");
  set("log_timezone", "'UTC'");
  set("lc_messages", "'C'");
  set("cluster_name", "'berth time machine'");
  main_.write_own_file(folder_ + "/postgresql.conf", text);
  main_.write_own_file(folder_ + "/pg_hba.conf",
                       "local  all  berth  peer map=berth\nlocal  all  all  reject\n");
  main_.write_own_file(folder_ + "/pg_ident.conf", main_.superuser_map());
}

void ScratchCluster::spawn() {
  const UniqueFd log(::open(log_file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!log) throw Failure(errno_error(errno, "open " + log_file_));
  loop::SpawnOptions options;
  options.program = main_.program("postgres");
  options.arguments = {"-D", folder_};
  options.directory = "/";
  options.descriptors = {{log.get(), 1}, {log.get(), 2}};
  options = main_.as_database_user(std::move(options));
  options.in_child = [inner = options.in_child, parent = ::getpid()]() -> int {
    (void)::setpriority(PRIO_PROCESS, 0, 10);
    if (const int problem = inner(); problem != 0) return problem;
    // It ends with the manager, whatever ends that. (A change of user would take this back: hence after inner().)
    if (::prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0) return errno;
    return ::getppid() == parent ? 0 : ESRCH;
  };
  has_ended_ = false;
  watch_ = or_throw(loop::ProcessWatch::make(loop_, or_throw(loop::spawn(options))));
  ending_ = std::make_unique<loop::Spawned<void>>(loop_, watch_end());
}

Task<void> ScratchCluster::watch_end() {
  co_await watch_->wait();
  has_ended_ = true;
  is_recovered_ = false;
}

void ScratchCluster::throw_last_words() const {
  const auto log = read_file(log_file_).value_or("");
  std::string words;
  for (const auto line : split(log, '\n')) {
    const auto at = std::min({line.find("FATAL:  "), line.find("PANIC:  "), line.find("invalid value")});
    // The first is the cause; our own knocking at its door is none.
    if (at == std::string_view::npos || line.find("the database system is") != std::string_view::npos)
      continue;
    if (words.empty()) words = line.substr(line.find(":  ") + 3);
  }
  if (words.find("before configured recovery target") != std::string::npos)
    throw_failure(Errc::kNotFound, "the log ends before that moment");
  const bool is_full = log.find("No space left on device") != std::string::npos;
  throw_failure(is_full ? Errc::kNoSpace : Errc::kFailed, "recovery ended: {}",
                words.empty() ? "see " + log_file_ : words);
}

Task<void> ScratchCluster::wait_until_recovered() {
  const auto deadline = loop_.now() + kLimit;
  for (;;) {
    if (has_ended_) throw_last_words();
    bool answers = false;
    try {
      auto options = superuser("postgres");
      options.connect_timeout = 5s;
      auto opening = db::Connection::open(loop_, std::move(options), 10s);
      const auto connection = co_await opening;
      answers = true;  // no hot standby: only when the moment is reached
    } catch (const Failure&) {
      // "the database system is starting up", or not there yet
    }
    if (answers) co_return;
    if (loop_.now() >= deadline)
      throw_failure(Errc::kTimeout, "recovery takes more than {} h", kLimit.count());
    co_await loop::sleep_for(loop_, 100ms);
  }
}

Task<void> ScratchCluster::remove() {
  if (watch_) {
    if (!has_ended_) watch_->send_signal(SIGQUIT);
    if (ending_) {
      auto waiting = wait_at_most(loop_, ending_->done(), kEndLimit);
      const bool ended = co_await waiting;
      if (!ended) watch_->send_signal(SIGKILL);
      co_await ending_->done().wait();
    }
    ending_.reset();
    watch_.reset();
    is_recovered_ = false;
  }
  co_await end_leftovers(loop_, folder_, kEndLimit);
  or_throw(remove_tree(folder_));
}

}  // namespace berth::manager
