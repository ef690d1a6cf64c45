#include "manager/database/cluster.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "db/connection.h"
#include "db/password.h"
#include "manager/database/cluster_files.h"
#include "manager/database/leftovers.h"

namespace berth::manager {
namespace {

constexpr const char* kVersion = "15";
constexpr std::chrono::milliseconds kFirstKnock{50}, kLastKnock{500};
constexpr std::chrono::seconds kLeftoverLimit{10};  // a process in the middle of a write to a slow disk

struct Account {
  uid_t uid;
  gid_t gid;
  std::string name;
};

// Whom PostgreSQL runs as.
Account account_of(const ClusterSettings& settings) {
  const bool is_root = ::geteuid() == 0;
  const passwd* entry = is_root ? ::getpwnam(settings.user.c_str()) : ::getpwuid(::geteuid());
  if (!entry && is_root)
    throw_failure(Errc::kUnsupported,
                  "PostgreSQL cannot run as root and there is no user {}: install the package postgresql-15",
                  settings.user);
  if (!entry)
    throw_failure(Errc::kUnsupported,
                  "user {} has no name in /etc/passwd, which PostgreSQL's peer login needs", ::geteuid());
  return {entry->pw_uid, entry->pw_gid, entry->pw_name};
}

void make_folder(const std::string& path, mode_t mode, const Account& owner) {
  or_throw(make_directories(path, mode));
  if (::geteuid() == 0 && ::chown(path.c_str(), owner.uid, owner.gid) != 0)
    throw Failure(errno_error(errno, "chown " + path));
}

void write_for(const std::string& path, std::string_view content, const Account& owner) {
  or_throw(write_file_durably(path, content, 0600));
  if (::geteuid() == 0 && ::chown(path.c_str(), owner.uid, owner.gid) != 0)
    throw Failure(errno_error(errno, "chown " + path));
}

// Without a server, which would not let us in.
Task<void> set_superuser_password(loop::Loop& loop, loop::SpawnOptions server, std::string password) {
  loop::CommandOptions command;
  command.spawn = std::move(server);
  command.spawn.arguments.insert(command.spawn.arguments.begin(), "--single");
  command.spawn.arguments.push_back("postgres");
  command.input = fmt::format("ALTER ROLE berth PASSWORD '{}'\n", db::make_password_secret(password));
  const auto done = co_await loop::run_command(loop, std::move(command));
  if (!done.status.is_success() || done.errors.find("ERROR:") != std::string::npos)
    throw_failure(Errc::kFailed, "give the database's superuser a password: {}", trim(done.errors));
}

}  // namespace

Cluster::Cluster(loop::Loop& loop, ClusterSettings settings)
    : loop_(loop), settings_(std::move(settings)), password_(settings_.data_folder) {}

loop::SpawnOptions Cluster::as_database_user(loop::SpawnOptions options) const {
  const Account account = account_of(settings_);
  const bool drop = ::geteuid() == 0;
  options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"};
  options.in_child = [drop, uid = account.uid, gid = account.gid]() -> int {
    ::umask(0077);
    if (!drop) return 0;
    return ::setgroups(1, &gid) == 0 && ::setgid(gid) == 0 && ::setuid(uid) == 0 ? 0 : errno;
  };
  return options;
}

Task<bool> Cluster::prepare() {
  const Account account = account_of(settings_);
  if (::access(program("postgres").c_str(), X_OK) != 0)
    throw_failure(Errc::kUnsupported,
                  "PostgreSQL 15 is not installed ({} is missing): install the package postgresql-15",
                  program("postgres"));
  if (settings_.socket_folder.size() + sizeof "/.s.PGSQL.65535" > 107)
    throw_failure(
        Errc::kTooLarge,
        "the path of the socket folder {} has {} bytes; Unix sockets allow 90: choose a shorter root",
        settings_.socket_folder, settings_.socket_folder.size());
  make_folder(settings_.socket_folder, 0755, account);
  make_folder(settings_.log_folder, 0750, account);

  const bool is_there = path_exists(settings_.data_folder + "/PG_VERSION");
  const bool by_password = ::geteuid() != 0;
  if (!is_there) co_await make_cluster();
  const std::string version(trim(or_throw(read_file(settings_.data_folder + "/PG_VERSION"))));
  if (version != kVersion)
    throw_failure(Errc::kUnsupported, "the data in {} are of PostgreSQL {}, this platform runs {}",
                  settings_.data_folder, version, kVersion);
  write_configuration();

  co_await end_leftovers(loop_, settings_.data_folder, kLeftoverLimit);
  // PostgreSQL takes over a lock file whose process is gone. After a power cut the pid may belong to
  // another program by now, and then it would refuse to start for ever.
  for (const auto& lock : {settings_.data_folder + "/postmaster.pid",
                           fmt::format("{}/.s.PGSQL.{}.lock", settings_.socket_folder, settings_.port)}) {
    const auto content = read_file(lock);
    if (!content) continue;
    const auto pid = parse_integer(split(*content, '\n')[0]);
    if (pid && *pid > 0 && is_postgres_on(static_cast<pid_t>(*pid), settings_.data_folder)) continue;
    log_warning("removed a lock file that PostgreSQL left behind", {{"file", lock}});
    if (::unlink(lock.c_str()) != 0 && errno != ENOENT) throw Failure(errno_error(errno, "remove " + lock));
  }
  // One that an older build made, or whose password was lost. An admin's own rules stay, whatever they say.
  if (is_there && by_password) {
    const std::string path = settings_.data_folder + "/pg_hba.conf";
    const auto rules = or_throw(read_file(path));
    const bool is_set = path_exists(password_.file());
    const bool is_older = rules == format_access_rules(SuperuserLogin::kPeer);
    if (is_older || (!is_set && rules == format_access_rules(SuperuserLogin::kPassword))) {
      auto setting = set_superuser_password(loop_, start_options(), password_.read());
      co_await std::move(setting);
      if (!is_set) password_.note_is_set();
      write_for(path, format_access_rules(SuperuserLogin::kPassword), account);
      log_info("the database's superuser logs in by password from now on", {{"file", password_.file()}});
    }
  }
  co_return !is_there;
}

Task<void> Cluster::make_cluster() {
  const Account account = account_of(settings_);
  // Made under another name and renamed when it is whole: a half-made one is never taken for ours.
  const std::string making = settings_.data_folder + ".making";
  or_throw(remove_tree(making));
  make_folder(making, 0700, account);

  loop::CommandOptions command;
  command.spawn.program = program("initdb");
  command.spawn.arguments = {"-D", making, "-U", "berth", "--encoding=UTF8", "--locale=C.UTF-8",
                             "--data-checksums",
                             // Until our own rules are written.
                             "--auth-local=reject", "--auth-host=reject", "--no-instructions", "--no-sync"};
  const bool by_password = ::geteuid() != 0;
  if (by_password) {
    // Also when the database is made anew though the file of an older one is there.
    const auto password = password_.read();
    or_throw(write_file_durably(password_.new_file(), password + "\n", 0600));
  }
  if (by_password) command.spawn.arguments.push_back("--pwfile=" + password_.new_file());
  command.spawn.directory = "/";
  command.spawn = as_database_user(std::move(command.spawn));
  auto running = loop::run_command(loop_, std::move(command));
  const auto result = co_await running;
  if (!result.status.is_success()) {
    or_throw(remove_tree(making));
    const bool is_full = result.errors.find("No space left") != std::string::npos;
    const bool is_closed = result.errors.find("Permission denied") != std::string::npos;
    throw_failure(
        is_full ? Errc::kNoSpace : Errc::kFailed, "make the database cluster in {}: {}{}",
        settings_.data_folder, trim(result.errors),
        is_closed ? fmt::format(" (user {} must be able to enter every folder of this path)", account.name)
                  : "");
  }
  const auto configuration = or_throw(read_file(making + "/postgresql.conf"));
  write_for(making + "/postgresql.conf", configuration + format_include_line(), account);
  write_for(making + "/pg_hba.conf",
            format_access_rules(by_password ? SuperuserLogin::kPassword : SuperuserLogin::kPeer), account);
  write_for(making + "/pg_ident.conf", "", account);
  // One syncfs(2) for all: initdb's own sync of a thousand files, one by one, takes seconds.
  {
    const UniqueFd folder(::open(making.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::syncfs(folder.get()) != 0) throw Failure(errno_error(errno, "sync " + making));
  }

  if (::rmdir(settings_.data_folder.c_str()) != 0 && errno != ENOENT)
    throw Failure(errno_error(errno, settings_.data_folder + " is there but holds no database cluster"));
  if (::rename(making.c_str(), settings_.data_folder.c_str()) != 0)
    throw Failure(errno_error(errno, "rename to " + settings_.data_folder));
  const auto slash = settings_.data_folder.rfind('/');
  or_throw(sync_directory(slash == 0 ? "/" : settings_.data_folder.substr(0, slash)));
  if (by_password) password_.note_is_set();
  log_info("database cluster made", {{"folder", settings_.data_folder}});
}

void Cluster::write_configuration() const {
  const Account account = account_of(settings_);
  const auto write_if_changed = [&account](const std::string& path, const Result<std::string>& old,
                                           const std::string& wanted) {
    if (!old || *old != wanted) write_for(path, wanted, account);
  };
  const std::string settings_path = settings_.data_folder + "/berth.conf";
  write_if_changed(settings_path, read_file(settings_path), format_configuration(settings_));
  const std::string path = settings_.data_folder + "/pg_ident.conf";
  const auto old = read_file(path);
  // The admin's lines stay.
  write_if_changed(path, old, replace_marked_block(old.value_or(""), superuser_map()));
}

std::string Cluster::superuser_map() const {
  // By peer: ourselves, and whom PostgreSQL runs as.
  std::vector<std::string> users = {account_of(settings_).name};
  if (::geteuid() == 0) users.push_back("root");
  return format_user_map(users);
}

void Cluster::make_own_folder(const std::string& path, unsigned mode) const {
  make_folder(path, mode, account_of(settings_));
}

void Cluster::write_own_file(const std::string& path, std::string_view content) const {
  write_for(path, content, account_of(settings_));
}

loop::SpawnOptions Cluster::start_options() const {
  loop::SpawnOptions options;
  options.program = program("postgres");
  options.arguments = {"-D", settings_.data_folder};
  options.directory = "/";
  return as_database_user(std::move(options));
}

std::optional<RunningPostmaster> Cluster::find_running() const {
  const auto content = read_file(settings_.data_folder + "/postmaster.pid");
  if (!content) return std::nullopt;
  const auto lines = split(*content, '\n');
  const auto number = parse_integer(lines[0]);
  if (!number || *number <= 0) return std::nullopt;
  const auto pid = static_cast<pid_t>(*number);
  const auto start_time = loop::process_start_time(pid);
  if (!start_time || !is_postgres_on(pid, settings_.data_folder)) return std::nullopt;
  // Line 8 is the state (PostgreSQL, miscadmin.h, LOCK_FILE_LINE_PM_STATUS).
  return RunningPostmaster{pid, *start_time, lines.size() > 7 && trim(lines[7]) == "ready"};
}

namespace {

// Empty if it answers, else why not.
Task<std::string> why_not_ready(loop::Loop& loop, db::ConnectionOptions options) {
  options.connect_timeout = std::chrono::seconds(5);
  try {
    auto opening = db::Connection::open(loop, std::move(options), std::chrono::milliseconds(0));
    const auto connection = co_await opening;
    co_return "";
  } catch (const Failure& failure) {
    co_return failure.error().detail;
  }
}

}  // namespace

Task<bool> Cluster::is_ready() {
  const std::string reason = co_await why_not_ready(loop_, superuser());
  co_return reason.empty();
}

Task<void> Cluster::wait_until_ready(std::chrono::milliseconds limit) {
  const auto deadline = loop_.now() + limit;
  // Each refusal is two lines in PostgreSQL's log, and a recovery may take minutes.
  auto pause = kFirstKnock;
  for (;;) {
    const std::string reason = co_await why_not_ready(loop_, superuser());
    if (reason.empty()) co_return;
    if (loop_.now() >= deadline)
      throw_failure(Errc::kTimeout, "the database did not get ready within {} ms: {}", limit.count(), reason);
    co_await loop::sleep_for(loop_, pause);
    pause = std::min(pause * 11 / 10, kLastKnock);
  }
}

void Cluster::send_stop(const loop::ProcessWatch& postmaster, Stop how) const {
  postmaster.send_signal(how == Stop::kFast ? SIGINT : SIGQUIT);
}

Task<void> Cluster::stop(loop::ProcessWatch& postmaster, std::chrono::milliseconds patience) {
  for (const int signal : {SIGINT, SIGQUIT, SIGKILL}) {
    postmaster.send_signal(signal);
    try {
      auto waiting = loop::with_timeout(loop_, patience, postmaster.wait(), "stop of PostgreSQL");
      co_await waiting;
      co_return;
    } catch (const Failure& failure) {
      log_warning("PostgreSQL does not stop", {{"signal", signal}, {"error", failure.error().detail}});
    }
  }
  co_await postmaster.wait();
}

Task<bool> Cluster::change_settings(ClusterSettings settings) {
  const auto& old = settings_;
  const bool needs_restart = old.port != settings.port || old.listen_addresses != settings.listen_addresses ||
                             old.max_connections != settings.max_connections ||
                             old.shared_buffers_mb != settings.shared_buffers_mb ||
                             old.socket_folder != settings.socket_folder;
  settings_ = std::move(settings);
  write_configuration();
  if (const auto running = find_running()) {
    auto watch = loop::ProcessWatch::make(loop_, running->pid);
    if (watch) (*watch)->send_signal(SIGHUP);
  }
  co_return needs_restart;
}

db::ConnectionOptions Cluster::superuser(std::string database) const {
  return connection(std::move(database), "berth", ::geteuid() == 0 ? std::string() : password_.read());
}

db::ConnectionOptions Cluster::connection(std::string database, std::string user,
                                          std::string password) const {
  db::ConnectionOptions options;
  options.host = settings_.socket_folder;
  options.port = settings_.port;
  options.database = std::move(database);
  options.user = std::move(user);
  options.password = std::move(password);
  return options;
}

}  // namespace berth::manager
