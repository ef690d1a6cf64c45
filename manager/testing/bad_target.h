// Targets that fail as real ones do, for tests.
#pragma once

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "manager/platform/clock.h"
#include "manager/sets/target.h"

namespace berth::manager {

// A target that does what a bad one does, in front of a good one.
class BadTarget : public Target {
 public:
  struct Faults {
    int stores_until_full = 1000;    // then kNoSpace in mid-stream
    int stores_until_denied = 1000;  // then the credentials are revoked
    bool forgets = false;            // says that it stored, and did not
    bool flips = false;              // gives back one other bit
    bool cuts = false;               // gives back less
  };
  BadTarget(std::unique_ptr<Target> good, Faults& faults) : good_(std::move(good)), faults_(faults) {}
  Task<void> prepare(bool was_made) override { return good_->prepare(was_made); }
  Task<StoredObject> store(std::string set, std::string name, ObjectWriter write) override {
    struct Nowhere : BackupSink {
      bool is_full = false;
      Task<void> write(std::string) override {
        if (is_full) throw_failure(Errc::kNoSpace, "the target is full");
        co_return;
      }
    } nowhere;
    if (faults_.stores_until_denied-- <= 0) throw_failure(Errc::kDenied, "the target refuses us");
    nowhere.is_full = faults_.stores_until_full-- <= 0;
    if (!nowhere.is_full && !(faults_.forgets && name.starts_with("team"))) {
      auto storing = good_->store(set, name, write);
      co_return co_await storing;
    }
    co_await write(nowhere);
    co_return StoredObject{"0123abcd", set, name, utc_now()};
  }
  Task<std::vector<StoredObject>> list(std::string set, std::string name) override {
    return good_->list(set, name);
  }
  Task<void> fetch(StoredObject object, BackupSink& sink) override {
    TextSink memory;
    auto fetching = good_->fetch(object, memory);
    co_await fetching;
    if (faults_.flips && object.name.starts_with("team")) memory.text[memory.text.size() / 2] ^= 4;
    if (faults_.cuts && object.name.starts_with("team")) memory.text.resize(memory.text.size() - 100);
    co_await sink.write(std::move(memory.text));
  }
  Task<void> fetch_to_file(StoredObject object, std::string path) override {
    co_await good_->fetch_to_file(object, path);
    if (faults_.flips) {
      auto content = or_throw(read_file(path, std::size_t{1} << 30));
      content[content.size() / 2] ^= 4;
      or_throw(write_file_durably(path, content, 0600));
    }
    if (faults_.cuts && ::truncate(path.c_str(), 500) != 0) throw Failure(errno_error(errno, path));
  }
  Task<void> remove(std::vector<std::string> ids) override { return good_->remove(std::move(ids)); }
  Task<void> test(bool was_made) override { return good_->test(was_made); }
  bool can_read() const override { return true; }
  bool deduplicates() const override { return true; }

 private:
  std::unique_ptr<Target> good_;
  Faults& faults_;
};

}  // namespace berth::manager
