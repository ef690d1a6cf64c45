// A target that we can only write to: whole files, sealed so that this platform cannot read them either, by HTTP PUT.
#pragma once

#include <string>

#include "manager/commands/upload.h"
#include "manager/sets/target.h"

namespace berth::manager {

// PUT <url>/<set>/<name>.sealed. Whoever breaks into this machine reads nothing of what was dropped, and, if the server
// takes no second PUT and no DELETE (its business), cannot spoil it either. The private half of the key is told once,
// when the target is added.
class DropBox : public Target {
 public:
  // `place.url`: of the folder, without '/' at its end.
  DropBox(loop::Loop& loop, net::HttpClient& http, UploadPlace place, std::string public_key)
      : uploader_(loop, http), place_(std::move(place)), public_key_(std::move(public_key)) {}

  Task<void> prepare(bool was_made) override;  // nothing to do
  Task<StoredObject> store(std::string set, std::string name, ObjectWriter write) override;
  Task<std::vector<StoredObject>> list(std::string set, std::string name) override;  // kUnsupported
  Task<void> fetch(StoredObject object, BackupSink& sink) override;                  // kUnsupported
  Task<void> fetch_to_file(StoredObject object, std::string path) override;          // kUnsupported
  Task<void> remove(std::vector<std::string> ids) override;                          // kUnsupported
  Task<void> test(bool was_made) override;  // drops a small file, "test/<time>.sealed"
  bool can_read() const override { return false; }
  bool deduplicates() const override { return false; }

 private:
  Uploader uploader_;
  const UploadPlace place_;
  const std::string public_key_;
};

}  // namespace berth::manager
