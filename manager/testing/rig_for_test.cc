#include "manager/testing/rig.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "db/migrate.h"
#include "manager/platform/schema.h"
#include "manager/store/index.h"

namespace berth::manager {
namespace {

db::DatabaseOptions options_of(db::ConnectionOptions connection) {
  db::DatabaseOptions options;
  options.connection = std::move(connection);
  options.max_connections = 3;
  return options;
}

std::string make_folder() {
  char name[] = "/tmp/berth-rig-XXXXXX";
  std::string folder = ::mkdtemp(name);
  ::chmod(folder.c_str(), 0755);
  return folder;
}

}  // namespace

RigWorld::RigWorld(loop::Loop& the_loop)
    : loop(the_loop),
      folder(make_folder()),
      layout(or_throw(open_root(folder + "/root", false))),
      cluster(the_loop),
      key(minisign::make_secret_key()) {
  // PostgreSQL's user must come to the archiver, wherever the build is.
  or_throw(
      write_file_durably(archiver(), or_throw(read_file(BERTH_ARCHIVE_PROGRAM, std::size_t{1} << 30)), 0755));
  db::Database admin(loop, options_of(cluster.cluster().superuser()));
  loop::run_task(loop, admin.query("CREATE DATABASE manager ENCODING 'UTF8' TEMPLATE template0"));
}

RigWorld::~RigWorld() { (void)remove_tree(folder); }

void RigWorld::publish(const std::string& id, const std::string& build, const std::string& behaviour) {
  const std::string arch = own_architecture();
  const std::string program = or_throw(read_file(BERTH_FAKE_SERVICE, std::size_t{1} << 30)) +
                              fmt::format("\nBERTH-FAKE build={} behaviour={} \n", build, behaviour);
  const std::string target = fmt::format("{}/{}/{}/{}", store(), build, arch, id);
  or_throw(make_directories(target));
  or_throw(write_file_durably(target + "/" + id, program));
  entries[id] = fmt::format(
      R"({{"id":"{0}","folder":"{0}","binary":"{0}","title":"{0}","versions":[{{"id":"{1}","build":"{1}","label":"{1}","sha256":{{"{2}/{0}":"{3}"}}}}]}})",
      id, build, arch, sha256_hex(program));
  std::vector<std::string> all;
  for (const auto& [name, entry] : entries) all.push_back(entry);
  const std::string index = fmt::format(R"({{"apps":[{}]}})", fmt::join(all, ","));
  or_throw(write_file_durably(store() + "/apps.json", index));
  or_throw(write_file_durably(store() + "/apps.json.minisig", minisign::sign(key, index, "test")));
}

Rig::Rig(RigWorld& the_world)
    : world(the_world),
      box(or_throw(SecretBox::open(world.layout.secret_key()))),
      table(world.layout.processes(), world.layout.starting()),
      admin_database(world.loop, options_of(world.cluster.cluster().superuser())),
      database(world.loop, options_of(world.cluster.cluster().superuser("manager"))),
      settings(database, box),
      http(world.loop),
      webserver(world.loop, table, world.layout, box, WebserverOptions{}),
      service_repository(database),
      services(world.loop, table, service_repository, world.layout, false, BERTH_LAUNCHER),
      instance_repository(database, box),
      databases(admin_database),
      instances(world.loop, instance_repository, databases, world.cluster.cluster(), services, webserver, box,
                world.layout),
      store(world.loop, http, world.layout.library() + "/store",
            [this] {
              StoreOptions options;
              options.place = world.store();
              options.keys = {minisign::format_public_key(world.key.public_key())};
              return options;
            }),
      backups(world.loop, world.cluster.cluster().settings().binaries),
      reader(world.loop, world.cluster.cluster().settings().binaries),
      restorer(world.loop, world.cluster.cluster(), databases),
      jobs(world.loop, database),
      service_jobs(world.loop, jobs, services, instances, store, http, settings, world.layout),
      instance_jobs(jobs, instances, backups, reader, restorer, settings, box, world.layout, "test"),
      time_machine(world.cluster.cluster(), admin_database, settings, world.layout, world.archiver()),
      time_machine_jobs(world.loop, jobs, time_machine, instances, instance_jobs, restorer,
                        world.cluster.cluster(), admin_database, database, settings, box, world.layout),
      maintenance(world.loop, world.cluster.cluster()),
      figures(world.loop, world.cluster.cluster(), database, admin_database),
      care(world.loop, jobs, instances, maintenance, figures, database, settings, box,
           [this] { return world.now; }),
      externals(world.loop, world.platform, [this] { return world.platform + ".example.com"; }),
      external_jobs(world.loop, jobs, instances, externals, box),
      rename_jobs(jobs, instances),
      arrivals(world.loop, jobs, instances, instance_jobs, admin_database, world.layout, "test"),
      move_jobs(world.loop, jobs, instances, instance_jobs, arrivals, settings, box, world.layout,
                [this](MoveTarget to) { return world.find_platform(std::move(to)); }),
      sets(SetParts{world.loop, http, database, jobs, instances, instance_jobs, backups, reader, restorer,
                    settings, box, world.layout, "test", "1a", [](int port) { return port == 4443; }}),
      set_restore(sets),
      platform_restore(sets, set_restore),
      tasks_(world.loop, "rig") {
  instances.claim = [this](ExternalPlace place) { return externals.claim(std::move(place), false); };
  instances.release = [this](ExternalPlace place) { return externals.release(std::move(place)); };
  services.settings = [] { return ServiceSettings{}; };
  services.network_reason_call = [this](const Service& service) -> std::string {
    for (const auto& row : instances.of_service(service.row().id))
      if (row.external) return fmt::format("the database of {} is on {}", row.key(), row.external->host);
    return {};
  };
  services.ready = [this](Service& service) { return instances.service_ready(service); };
}

Rig::~Rig() {
  control_.reset();
  tasks_.cancel_all();
}

void Rig::start() {
  table.load();
  run(db::migrate(database, manager_migrations()));
  run(settings.load());
  run(services.load());
  run(instances.load());
  int ends[2];
  BERTH_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
  webserver_peer_ = std::make_unique<ControlPeer>(
      world.loop, std::make_unique<net::MessageSocket>(world.loop, UniqueFd(ends[0])));
  webserver_side_ = std::make_unique<net::MessageSocket>(world.loop, UniqueFd(ends[1]));
  tasks_.spawn(webserver.serve(
      *webserver_peer_,
      json::Object{{"mt", "WebserverHello"}, {"http", 80}, {"linkSockets", json::Array{"/nowhere"}}}));
  tasks_.spawn(play_webserver());
  control_ = std::make_unique<ControlServer>(world.loop, world.layout.control_socket(), 0600, "control",
                                             [this](ControlPeer& peer) { return serve_control(peer); });
  run(time_machine_jobs.begin());
  run(jobs.resume());
}

Task<void> Rig::play_webserver() {
  while (auto message = co_await webserver_side_->receive()) {
    if (json::get_string(message->body, "mt") == "WebserverConfig")
      webserver_side_->send(json::Object{{"mt", "WebserverReady"}});
    else webserver_side_->send(json::Object{{"mt", "Ok"}, {"src", json::get_string(message->body, "src")}});
  }
}

Task<void> Rig::serve_control(ControlPeer& peer) {
  auto first = co_await peer.receive();
  if (!first) co_return;
  const auto service = services.find_by_pid(peer.credentials().pid);
  if (service) co_await service->serve(peer, std::move(first->body));
}

void Rig::stop_services() { run(services.stop_all()); }

}  // namespace berth::manager
