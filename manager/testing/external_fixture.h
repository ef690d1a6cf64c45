// Tests of instances whose data are on another PostgreSQL, which is reached by TCP.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "manager/testing/rig_fixture.h"

namespace berth::manager {

class ExternalTest : public RigTest {
 protected:
  static void SetUpTestSuite() {
    shared_loop = std::make_unique<loop::Loop>();
    far = std::make_unique<RunningCluster>(*shared_loop, true, true);
  }
  static void TearDownTestSuite() {
    far.reset();
    shared_loop.reset();
  }
  static inline std::unique_ptr<loop::Loop> shared_loop;
  static inline std::unique_ptr<RunningCluster> far;

  ExternalTest() : RigTest(shared_loop.get()) {
    world_->publish("sheets", "1a", "mysql");
    start();
    for (const char* id : {"notes", "sheets"}) install(id);
  }
  ~ExternalTest() override {
    end();
    for (const auto& name : made_) run(far->databases().drop({name, name}));
  }
  std::string host() const { return fmt::format("127.0.0.1:{}", far->cluster().settings().port); }
  // A database on the far server, made by the recipe's statements.
  ExternalPlace make(const std::string& name, const std::string& password = "geheim") {
    run(far->databases().create({name, name}, password));
    made_.push_back(name);
    return {DatabaseType::kPostgresql, host(), name, name, password};
  }
  void created(const std::string& service = "notes", std::optional<ExternalPlace> place = {}) {
    NewInstance wanted;
    wanted.service = service;
    wanted.name = "team";
    wanted.domain = "example.com";
    wanted.external = std::move(place);
    auto made = run(rig_->instance_jobs.create(std::move(wanted), "test"));
    ASSERT_TRUE(made) << made.error().detail;
    done(made->job);
  }
  db::DatabaseOptions local() {
    const auto row = rig_->instances.get("team", "example.com").value();
    return world_->cluster.options(row.database, row.database_user, row.database_password);
  }
  db::DatabaseOptions there(const ExternalPlace& place) {
    db::DatabaseOptions options;
    options.connection = connection_of(place).value();
    return options;
  }
  std::string ask(db::DatabaseOptions options, std::string sql) {
    db::Database database(loop_, std::move(options));
    const auto rows = run(database.query(std::move(sql)));
    return rows.empty() || rows.front().is_null(0) ? "" : rows.front().get<std::string>(0);
  }
  void put_data() {
    db::Database database(loop_, local());
    run(database.run_script(
        "CREATE TABLE note (id serial PRIMARY KEY, text text NOT NULL);"
        "INSERT INTO note (text) SELECT 'n' || i FROM generate_series(1, 1000) i;"
        "CREATE SCHEMA \"Ü\"; CREATE TABLE \"Ü\".\"q\"\"t\" (n int); INSERT INTO \"Ü\".\"q\"\"t\" VALUES (7);"
        "SELECT lo_from_bytea(0, 'large');"));
  }
  db::DatabaseOptions far_admin() {
    db::DatabaseOptions options;
    options.connection = far->cluster().superuser();
    return options;
  }
  std::string backup() {
    const std::string path = world_->folder + "/far.dump";
    FileSink sink(loop_, path);
    run(rig_->instance_jobs.backup("team", "example.com", sink));
    run(sink.finish());
    return path;
  }
  Result<api::Job> restore(const std::string& file, bool onto_external) {
    const std::string upload = rig_->instance_jobs.upload_path();
    or_throw(write_file_durably(upload, read_file(file).value(), 0600));
    return run(rig_->instance_jobs.restore(upload, "", "", "test", onto_external));
  }
  const std::vector<KeptData>& kept() { return rig_->instances.find("team", "example.com")->kept; }
  Error refusal(ExternalPlace place) { return failure(rig_->externals.check(std::move(place))); }
  Result<api::Job> use(std::optional<ExternalPlace> place, bool move, bool take_over = false) {
    return run(rig_->external_jobs.use({"team", "example.com", std::move(place), move, take_over, "test"}));
  }

  std::vector<std::string> made_;
};

}  // namespace berth::manager
