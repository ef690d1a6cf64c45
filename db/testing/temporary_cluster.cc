#include "db/testing/temporary_cluster.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/bytes.h"
#include "base/file.h"
#include "db/sql.h"
#include "loop/process.h"

namespace berth::db {
namespace {

constexpr const char* kBinaries = "/usr/lib/postgresql/15/bin/";

struct FinishConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using BlockingConnection = std::unique_ptr<PGconn, FinishConnection>;

}  // namespace

struct TemporaryCluster::User {
  uid_t uid = ::getuid();
  gid_t gid = ::getgid();
  std::string name;

  User() {
    const passwd* entry = ::getuid() == 0 ? ::getpwnam("postgres") : ::getpwuid(::getuid());
    if (!entry) throw_failure(Errc::kUnsupported, "no user to run PostgreSQL as");
    uid = entry->pw_uid;
    gid = entry->pw_gid;
    name = entry->pw_name;
  }

  pid_t start(std::string program, std::vector<std::string> arguments, int output) const {
    loop::SpawnOptions options;
    options.program = kBinaries + program;
    options.arguments = std::move(arguments);
    options.directory = "/";
    options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
    options.descriptors = {{output, 1}, {output, 2}};
    options.in_child = [uid = uid, gid = gid]() -> int {
      if (::geteuid() == 0 && (::setgroups(1, &gid) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0))
        return errno;
      // A test that is killed must not leave its PostgreSQL behind.
      return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? 0 : errno;
    };
    return or_throw(loop::spawn(options));
  }
};

TemporaryCluster::TemporaryCluster(Settings settings) : user_(std::make_unique<User>()) {
  char name[] = "/tmp/berth-pg-XXXXXX";
  if (!::mkdtemp(name)) throw Failure(errno_error(errno, "mkdtemp"));
  folder_ = socket_folder_ = name;
  superuser_ = "berth";
  try {
    // PostgreSQL of user postgres and our test, maybe another user, meet in it.
    if (::chmod(name, 0755) != 0 || ::chown(name, user_->uid, user_->gid) != 0)
      throw Failure(errno_error(errno, folder_));
    const std::string log = folder_ + "/log";
    const UniqueFd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const pid_t initdb = user_->start("initdb",
                                      {"-D", folder_ + "/data", "-U", superuser_, "-A", "trust", "-E", "UTF8",
                                       "--locale=C.UTF-8", "--no-sync", "--no-instructions"},
                                      output.get());
    int status = 0;
    ::waitpid(initdb, &status, 0);
    if (status != 0) throw_failure(Errc::kFailed, "initdb: {}", read_file(log).value_or(""));
    std::string configuration = or_throw(read_file(folder_ + "/data/postgresql.conf"));
    configuration += "\nlisten_addresses=''\nunix_socket_directories='" + socket_folder_ +
                     "'\nfsync=off\nfull_page_writes=off\nshared_buffers=8MB\nmax_connections=60\n"
                     "jit=off\nautovacuum=off\nmax_wal_size=64MB\nclient_connection_check_interval="
                     "500ms\nlog_min_messages=warning\n" +
                     settings.extra_configuration + "\n";
    or_throw(write_file_durably(folder_ + "/data/postgresql.conf", configuration, 0600));
    if (settings.passwords)
      or_throw(write_file_durably(folder_ + "/data/pg_hba.conf",
                                  "local all berth trust\nlocal all all scram-sha-256\n", 0600));
    for (const char* file : {"/data/postgresql.conf", "/data/pg_hba.conf"})
      if (::chown((folder_ + file).c_str(), user_->uid, user_->gid) != 0)
        throw Failure(errno_error(errno, file));
    start();
  } catch (...) {
    (void)remove_tree(folder_);
    throw;
  }
}

TemporaryCluster::~TemporaryCluster() {
  kill_now();
  (void)remove_tree(folder_);
}

TemporaryCluster& TemporaryCluster::shared() {
  static TemporaryCluster cluster;
  return cluster;
}

ConnectionOptions TemporaryCluster::superuser(std::string database) const {
  ConnectionOptions options;
  options.host = socket_folder_;
  options.database = std::move(database);
  options.user = superuser_;
  return options;
}

ConnectionOptions TemporaryCluster::make_database() {
  const std::string name = fmt::format("test_{}", ++made_);
  const BlockingConnection connection(PQconnectdb(format_conninfo(superuser()).c_str()));
  const std::string statement = "CREATE DATABASE " + quote_identifier(name);
  PGresult* result = PQexec(connection.get(), statement.c_str());
  const bool made = PQresultStatus(result) == PGRES_COMMAND_OK;
  PQclear(result);
  if (!made) throw_failure(Errc::kFailed, "{}: {}", statement, PQerrorMessage(connection.get()));
  return superuser(name);
}

void TemporaryCluster::start() {
  if (pid_) return;
  const UniqueFd output(::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  pid_ = user_->start("postgres", {"-D", folder_ + "/data"}, output.get());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (PQping(format_conninfo(superuser()).c_str()) != PQPING_OK) {
    int status = 0;
    const bool ended = ::waitpid(pid_, &status, WNOHANG) == pid_;
    if (ended) pid_ = 0;
    if (ended || std::chrono::steady_clock::now() > deadline)
      throw_failure(Errc::kUnavailable, "PostgreSQL did not start: {}",
                    read_file(folder_ + "/log").value_or(""));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // PQping is the only sign there is
  }
}

void TemporaryCluster::stop() {
  if (!pid_) return;
  ::kill(pid_, SIGINT);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void TemporaryCluster::kill_now() {
  if (!pid_) return;
  // Backends notice the postmaster's death by themselves, but only when they wait; end them as well.
  std::string children;
  if (auto list = read_file(fmt::format("/proc/{0}/task/{0}/children", pid_))) children = *list;
  ::kill(pid_, SIGKILL);
  for (const char* at = children.c_str(); *at;) {
    char* end = nullptr;
    const long child = std::strtol(at, &end, 10);
    if (end == at) break;
    if (child > 1) ::kill(static_cast<pid_t>(child), SIGKILL);
    at = end + (*end == ' ');
  }
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

}  // namespace berth::db
