// Tests of the care of databases: two instances, team and other.
#pragma once

#include <string>

#include "manager/testing/rig_fixture.h"

namespace berth::manager {

class CareTest : public RigTest {
 protected:
  CareTest() {
    start();
    install();
    for (const char* name : {"team", "other"}) make_instance(name, "example.com");
  }
  db::Rows in(const std::string& name, std::string sql) { return run(open(name)->query(std::move(sql))); }
  void settle() {
    ASSERT_TRUE(loop_.run_until([&] { return rig_->jobs.running() == 0; }, kLongest));
  }
  std::size_t runs() { return run(rig_->care.overview()).runs.size(); }
};

}  // namespace berth::manager
