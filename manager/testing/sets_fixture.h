// Tests of backup sets: one instance team@example.com with a value in it, and the default policy.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "manager/testing/folder_target.h"
#include "manager/testing/rig_fixture.h"

namespace berth::manager {

class SetsTest : public RigTest {
 protected:
  SetsTest() {
    start();
    install();
    create("team", "example.com");
    run(rig_->sets.make_defaults());
  }
  // Targets are folders, which are faster than restic's repositories; see use_restic().
  void prepare(Rig& rig) override {
    restic_ = rig.sets.open;
    rig.sets.open = [this](const TargetRow&) { return std::make_unique<FolderTarget>(loop_, far()); };
  }
  void create(const std::string& name, const std::string& domain) {
    make_instance(name, domain);
    put_value(name, domain, "first of " + name);
  }
  void put_value(const std::string& name, const std::string& domain, const std::string& value) {
    const auto database = open(name, domain);
    run(database->run_script(
        "CREATE TABLE IF NOT EXISTS \"odd 'Näme'\" (value text); TRUNCATE \"odd 'Näme'\";"));
    run(database->query("INSERT INTO \"odd 'Näme'\" VALUES ($1)", value));
  }
  std::string value(const std::string& name, const std::string& domain) {
    return run(open(name, domain)->query("SELECT value FROM \"odd 'Näme'\""))
        .front()
        .get<std::string>(std::size_t{0});
  }
  api::Job backed_up() { return done(run(rig_->sets.run_policy("daily", "test"))); }
  SetRow newest() { return run(rig_->sets.store().sets("", 1)).at(0); }
  std::size_t uploads() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(world_->layout.backup()))
      if (entry.path().filename().string().starts_with("upload-")) ++count;
    return count;
  }
  std::unique_ptr<Target> target() { return rig_->sets.open(run(rig_->sets.store().target("local"))); }

  std::string far() const { return world_->folder + "/far"; }
  // From now on with real repositories.
  void use_restic() { rig_->sets.open = restic_; }

  OpenTarget restic_;
};

}  // namespace berth::manager
