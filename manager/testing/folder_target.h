// A target that keeps plain files in a folder: as restic does, without its second of work for each act. For tests of
// what is done with targets.
#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "manager/platform/clock.h"
#include "manager/sets/target.h"

namespace berth::manager {

// Files are <folder>/<set>/<number>-<name, percent-encoded>.
class FolderTarget : public Target {
 public:
  FolderTarget(loop::Loop& loop, std::string folder) : loop_(loop), folder_(std::move(folder)) {}

  Task<void> prepare(bool was_made) override {
    if (was_made && !path_exists(folder_)) throw_failure(Errc::kUnavailable, "{} is gone", folder_);
    or_throw(make_directories(folder_));
    co_return;
  }
  Task<StoredObject> store(std::string set, std::string name, ObjectWriter write) override {
    or_throw(make_directories(folder_ + "/" + set));
    const std::string id = fmt::format("{}/{}-{}", set, random_hex(8), percent_encode(name));
    FileSink sink(loop_, folder_ + "/" + id);
    co_await write(sink);
    co_await sink.finish();
    co_return StoredObject{id, set, name, utc_now()};
  }
  Task<std::vector<StoredObject>> list(std::string set, std::string name) override {
    std::vector<StoredObject> objects;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      const std::string file = entry.path().filename();
      if (!entry.is_regular_file() || file.ends_with(".tmp")) continue;
      StoredObject object;
      object.set = entry.path().parent_path().filename();
      object.id = object.set + "/" + file;
      object.name = percent_decode(file.substr(file.find('-') + 1)).value();
      if ((set.empty() || object.set == set) && (name.empty() || object.name == name))
        objects.push_back(object);
    }
    std::sort(objects.begin(), objects.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    co_return objects;
  }
  Task<void> fetch(StoredObject object, BackupSink& sink) override {
    co_await sink.write(or_throw(read_file(folder_ + "/" + object.id, std::size_t{1} << 30)));
  }
  Task<void> fetch_to_file(StoredObject object, std::string path) override {
    or_throw(
        write_file_durably(path, or_throw(read_file(folder_ + "/" + object.id, std::size_t{1} << 30)), 0600));
    co_return;
  }
  Task<void> remove(std::vector<std::string> ids) override {
    for (const auto& id : ids) std::filesystem::remove(folder_ + "/" + id);
    co_return;
  }
  Task<void> test(bool was_made) override { return prepare(was_made); }
  bool can_read() const override { return true; }
  bool deduplicates() const override { return true; }

 private:
  loop::Loop& loop_;
  const std::string folder_;
};

}  // namespace berth::manager
