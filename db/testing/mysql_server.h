// A MariaDB server of its own for tests: temporary folder, free port of 127.0.0.1, ended and removed when it goes.
#pragma once

#include <memory>
#include <string>

#include "db/mysql.h"
#include "loop/process.h"

namespace berth::db {

class MysqlServer {
 public:
  // Throws Failure; kNotFound where MariaDB is not installed.
  explicit MysqlServer(loop::Loop& loop);
  ~MysqlServer();
  int port() const { return port_; }
  // As root over the Unix socket.
  MysqlOptions root() const;
  // Several statements, one a text.
  void run_as_root(const std::vector<std::string>& statements);

 private:
  loop::Loop& loop_;
  std::string folder_;
  int port_ = 0;
  std::unique_ptr<loop::ProcessWatch> watch_;
};

}  // namespace berth::db
