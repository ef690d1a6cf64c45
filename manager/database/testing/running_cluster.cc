#include "manager/database/testing/running_cluster.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/text.h"
#include "db/testing/free_port.h"
#include "manager/database/leftovers.h"
#include "net/tls.h"

namespace berth::manager {
namespace {

// To the owner of the data folder, as PostgreSQL wants it.
void write_as_owner(const std::string& folder, const std::string& name, const std::string& content) {
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) throw Failure(errno_error(errno, folder));
  const std::string path = folder + "/" + name;
  or_throw(write_file_durably(path, content, 0600));
  if (::geteuid() == 0 && ::chown(path.c_str(), info.st_uid, info.st_gid) != 0)
    throw Failure(errno_error(errno, "chown " + path));
}

}  // namespace

RunningCluster::RunningCluster(loop::Loop& loop, bool serves_tcp, bool tls) : loop_(loop) {
  char name[] = "/tmp/berth-cluster-XXXXXX";
  if (!::mkdtemp(name)) throw Failure(errno_error(errno, "mkdtemp"));
  folder_ = name;
  if (::chmod(name, 0755) != 0) throw Failure(errno_error(errno, "chmod"));
  ClusterSettings settings;
  settings.data_folder = folder_ + "/pgsql";
  settings.socket_folder = folder_ + "/run";
  settings.log_folder = folder_ + "/log";
  settings.max_connections = 30;
  if (serves_tcp) {
    settings.listen_addresses = "127.0.0.1";
    settings.port = db::find_free_port();
  }
  cluster_ = std::make_unique<Cluster>(loop, settings);
  try {
    loop::run_task(loop, cluster_->prepare());
    // Tests don't cut the power: syncing each of their commits only costs time.
    auto configuration = or_throw(read_file(settings.data_folder + "/postgresql.conf"));
    configuration += "fsync = off\nautovacuum = off\n";
    if (serves_tcp) {
      auto rules = or_throw(read_file(settings.data_folder + "/pg_hba.conf"));
      rules +=
          "host  postgres,template1,manager  all  all  reject\nhost  all  all  127.0.0.1/32  scram-sha-256\n";
      write_as_owner(settings.data_folder, "pg_hba.conf", rules);
    }
    if (tls) {
      configuration += "ssl = on\n";
      const auto made = net::make_self_signed({"localhost"});
      write_as_owner(settings.data_folder, "server.crt", made.certificate_pem);
      write_as_owner(settings.data_folder, "server.key", made.key_pem);
    }
    or_throw(write_file_durably(settings.data_folder + "/postgresql.conf", configuration, 0644));
    start();
  } catch (...) {
    kill_now();
    (void)remove_tree(folder_);
    throw;
  }
  db::DatabaseOptions options;
  options.connection = cluster_->superuser();
  options.max_connections = 4;
  admin_ = std::make_unique<db::Database>(loop, options);
  databases_ = std::make_unique<InstanceDatabases>(*admin_);
}

RunningCluster::~RunningCluster() {
  databases_.reset();
  admin_.reset();
  kill_now();
  (void)remove_tree(folder_);
}

db::DatabaseOptions RunningCluster::options(std::string database, std::string user,
                                            std::string password) const {
  db::DatabaseOptions options;
  options.connection = cluster_->connection(std::move(database), std::move(user), std::move(password));
  return options;
}

void RunningCluster::start() {
  auto options = cluster_->start_options();
  options.in_child = [inner = options.in_child]() -> int {
    if (const int problem = inner(); problem != 0) return problem;
    return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? 0 : errno;  // a killed test leaves nothing behind
  };
  watch_ = or_throw(loop::ProcessWatch::make(loop_, or_throw(loop::spawn(options))));
  loop::run_task(loop_, cluster_->wait_until_ready(std::chrono::seconds(60)));
}

void RunningCluster::stop() {
  loop::run_task(loop_, cluster_->stop(*watch_, std::chrono::seconds(30)));
  watch_.reset();
}

void RunningCluster::kill_now() {
  if (!watch_) return;
  const auto children = read_file(fmt::format("/proc/{0}/task/{0}/children", watch_->pid())).value_or("");
  watch_->send_signal(SIGKILL);
  for (const auto child : split(children, ' '))
    if (const auto pid = parse_integer(child); pid && *pid > 1) ::kill(static_cast<pid_t>(*pid), SIGKILL);
  (void)loop::run_task(loop_, watch_->wait());
  watch_.reset();
  // Also those that it forked in its last moment: the next one would not start beside them.
  loop::run_task(loop_, end_leftovers(loop_, cluster_->settings().data_folder, std::chrono::seconds(30)));
}

void RunningCluster::kill_postmaster() {
  watch_->send_signal(SIGKILL);
  (void)loop::run_task(loop_, watch_->wait());
  watch_.reset();
}

}  // namespace berth::manager
