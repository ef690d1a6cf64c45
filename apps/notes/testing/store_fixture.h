#pragma once

#include <gtest/gtest.h>

#include "apps/notes/board_store.h"
#include "apps/notes/file_store.h"
#include "db/database.h"
#include "db/testing/temporary_cluster.h"
#include "loop/sync.h"
#include "notes_schema.h"

namespace berth::notes {

inline constexpr const char* kBoard = "0b0a4d0e-11aa-4c5e-9d2f-3f0f6a1b2c01";
inline constexpr const char* kOtherBoard = "0b0a4d0e-11aa-4c5e-9d2f-3f0f6a1b2c02";
inline constexpr const char* kNote = "5f3c1d2e-22bb-4a6f-8e1d-7a9b0c1d2e01";
inline constexpr const char* kOtherNote = "5f3c1d2e-22bb-4a6f-8e1d-7a9b0c1d2e02";
inline constexpr const char* kFile = "9d8c7b6a-33cc-4d5e-9f0a-1b2c3d4e5f01";

// The schema in a new database of a PostgreSQL of our own.
class StoreFixture : public testing::Test {
 protected:
  StoreFixture() : database(loop, options()), boards(database), files(database) {
    for (const auto& file : schemas::notes_schema()) await(database.run_script(std::string(file.sql)));
  }
  template <class T>
  T await(loop::Task<T> task) {
    return loop::run_task(loop, std::move(task));
  }
  void make_board() { await(boards.add_board({.id = kBoard, .title = "Ideas", .position = 1})); }
  static Note note(std::string text) {
    Note one;
    one.id = kNote;
    one.board = kBoard;
    one.text = std::move(text);
    one.color = "yellow";
    one.position = 1;
    one.author = "Ann";
    return one;
  }

  loop::Loop loop;
  db::Database database;
  BoardStore boards;
  FileStore files;

 private:
  static db::DatabaseOptions options() {
    db::DatabaseOptions all;
    all.connection = db::TemporaryCluster::shared().make_database();
    return all;
  }
};

}  // namespace berth::notes
