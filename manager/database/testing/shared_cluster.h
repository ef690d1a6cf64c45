// The fixture of tests that share a PostgreSQL.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "loop/sync.h"
#include "manager/database/testing/running_cluster.h"

namespace berth::manager {

// One cluster for all tests of a suite: making one takes seconds. Each test finds it running.
class SharedClusterTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_loop = std::make_unique<loop::Loop>();
    shared = std::make_unique<RunningCluster>(*shared_loop);
  }
  static void TearDownTestSuite() {
    shared.reset();
    shared_loop.reset();
  }
  void SetUp() override {
    if (!running.pid()) running.start();
  }
  static inline std::unique_ptr<loop::Loop> shared_loop;
  static inline std::unique_ptr<RunningCluster> shared;

  loop::Loop& loop = *shared_loop;
  RunningCluster& running = *shared;
};

}  // namespace berth::manager
