// Is what a target gives back what was written there?
#pragma once

#include <memory>
#include <string>

#include "manager/backup/child.h"
#include "manager/backup/end_mark.h"
#include "manager/sets/set_rows.h"
#include "manager/sets/target.h"

namespace berth::manager {

// Passes bytes on and proves at the end that they are those of `item`: length, SHA-256 and end mark.
class ProvingSink : public BackupSink {
 public:
  // `next` may be null: then they are proven only.
  ProvingSink(const ItemRow& item, BackupSink* next) : item_(item), next_(next) {}
  Task<void> write(std::string bytes) override;
  // After the last write. Throws Failure(kMalformed) that says what is wrong.
  void finish();

 private:
  const ItemRow& item_;
  BackupSink* next_;
  RunningSha256 hash_;
  std::uint64_t length_ = 0;
  std::string tail_;  // the last bytes, which may be the end mark
};

// Reads an item back: the proof above, and `pg_restore --list` must read its table of contents. Streams; nothing is
// kept. Throws Failure: kMalformed, or what the target says.
Task<void> check_item(loop::Loop& loop, Target& target, ItemRow item, std::string binaries);

}  // namespace berth::manager
