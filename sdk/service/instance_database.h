// The database of one instance, of the kind its service is written for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "berth/app_instance.h"
#include "db/database.h"
#include "db/mysql_database.h"

namespace berth::sdk {

class InstanceDatabase {
 public:
  // Throws Failure(kMalformed) for a conninfo that is none. `arguments` stay where they are: their trace flags are looked at.
  InstanceDatabase(loop::Loop& loop, const InstanceArguments& arguments, const std::string& key);

  db::Database* postgresql() { return postgresql_.get(); }
  db::MysqlDatabase* mysql() { return mysql_.get(); }
  bool exists() const { return postgresql_ || mysql_; }

  loop::Task<int> migrate(std::vector<db::Migration> migrations);
  void set_limits(const InstanceLimits& limits);
  void set_password(const std::string& password);
  void release();
  std::chrono::milliseconds busy() const;  // sum of what statements took

 private:
  std::unique_ptr<db::Database> postgresql_;
  std::unique_ptr<db::MysqlDatabase> mysql_;
};

}  // namespace berth::sdk
