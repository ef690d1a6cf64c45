#include "db/testing/mysql_server.h"

#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "db/testing/free_port.h"
#include "loop/sync.h"

namespace berth::db {
namespace {

std::string user_name() {
  if (::geteuid() == 0) return "nobody";  // it refuses root
  const passwd* entry = ::getpwuid(::geteuid());
  return entry ? entry->pw_name : "nobody";
}

}  // namespace

MysqlServer::MysqlServer(loop::Loop& loop) : loop_(loop) {
  const std::string program = "/usr/sbin/mariadbd", installer = "/usr/bin/mariadb-install-db";
  if (!path_exists(program)) throw_failure(Errc::kNotFound, "mariadb-server-core is not installed");
  char name[] = "/tmp/berth-mysql-XXXXXX";
  if (!::mkdtemp(name)) throw Failure(errno_error(errno, "mkdtemp"));
  folder_ = name;
  const std::string user = user_name();
  if (::geteuid() == 0) {
    const passwd* entry = ::getpwnam(user.c_str());
    BERTH_CHECK(entry && ::chown(name, entry->pw_uid, entry->pw_gid) == 0);
  }
  loop::CommandOptions install;
  install.spawn.program = installer;
  install.spawn.arguments = {"--no-defaults", "--datadir=" + folder_ + "/data",
                             "--auth-root-authentication-method=normal", "--skip-test-db", "--user=" + user};
  const auto made = loop::run_task(loop_, loop::run_command(loop_, std::move(install)));
  if (!made.status.is_success())
    throw_failure(Errc::kFailed, "mariadb-install-db: {}{}", made.output, made.errors);
  port_ = find_free_port();
  loop::SpawnOptions server;
  server.program = program;
  server.arguments = {"--no-defaults",
                      "--user=" + user,
                      "--datadir=" + folder_ + "/data",
                      "--socket=" + folder_ + "/socket",
                      "--pid-file=" + folder_ + "/pid",
                      "--log-error=" + folder_ + "/log",
                      "--bind-address=127.0.0.1",
                      fmt::format("--port={}", port_),
                      "--innodb-buffer-pool-size=16M",
                      "--innodb-flush-log-at-trx-commit=0",
                      "--skip-name-resolve"};
  server.in_child = [] { return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? 0 : errno; };
  watch_ = or_throw(loop::ProcessWatch::make(loop_, or_throw(loop::spawn(server))));
  const auto deadline = loop_.now() + std::chrono::seconds(90);
  for (;;) {
    bool answers = false;
    try {
      loop::run_task(loop_, MysqlConnection::open(loop_, root()));
      answers = true;
    } catch (const Failure& failure) {
      if (loop_.now() > deadline)
        throw_failure(Errc::kTimeout, "mariadbd: {}: {}", failure.error().detail,
                      read_file(folder_ + "/log").value_or(""));
    }
    if (answers) return;
    loop::run_task(loop_, [](loop::Loop& on) -> loop::Task<void> {
      co_await loop::sleep_for(on, std::chrono::milliseconds(100));
    }(loop_));
  }
}

MysqlServer::~MysqlServer() {
  if (watch_) {
    watch_->send_signal(SIGKILL);
    (void)loop::run_task(loop_, watch_->wait());
  }
  (void)remove_tree(folder_);
}

MysqlOptions MysqlServer::root() const {
  MysqlOptions options;
  options.host = folder_ + "/socket";
  options.user = "root";
  return options;
}

void MysqlServer::run_as_root(const std::vector<std::string>& statements) {
  const auto connection = loop::run_task(loop_, MysqlConnection::open(loop_, root()));
  for (const auto& statement : statements) loop::run_task(loop_, connection->query(statement));
}

}  // namespace berth::db
