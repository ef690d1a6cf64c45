// A MariaDB shared by the tests of a suite, with a database of its own for each test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "db/testing/mysql_server.h"
#include "loop/sync.h"

namespace berth::db {

class MysqlFixture : public testing::Test {
 public:
  static constexpr const char* kPassword = "se'cret";

 protected:
  static void SetUpTestSuite() {
    shared_loop = std::make_unique<loop::Loop>();
    server = std::make_unique<MysqlServer>(*shared_loop);
    server->run_as_root({"CREATE USER 'app'@'%' IDENTIFIED BY 'se''cret'"});
  }
  static void TearDownTestSuite() {
    server.reset();
    shared_loop.reset();
  }
  void SetUp() override {
    static int count = 0;
    name = fmt::format("notes{}", ++count);
    server->run_as_root({fmt::format("CREATE DATABASE {} CHARACTER SET utf8mb4", name),
                         fmt::format("GRANT ALL PRIVILEGES ON {}.* TO 'app'@'%'", name)});
  }

  MysqlOptions app(std::string password = kPassword) const {
    MysqlOptions options;
    options.host = "127.0.0.1";
    options.port = server->port();
    options.database = name;
    options.user = "app";
    options.password = std::move(password);
    return options;
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop, std::move(task));
  }

  static inline std::unique_ptr<loop::Loop> shared_loop;
  static inline std::unique_ptr<MysqlServer> server;
  loop::Loop& loop = *shared_loop;
  std::string name;
};

}  // namespace berth::db
