// A restic repository as a target: finds what it has already, encrypts and compresses by itself (decision 0016).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "manager/sets/secret_folder.h"
#include "manager/sets/target.h"

namespace berth::loop {
class Loop;
struct ExitStatus;
}  // namespace berth::loop

namespace berth::manager {

class Child;

// Where the repository lies and how restic reaches it.
struct ResticPlace {
  std::string repository;                // "/mnt/disk/berth", "sftp:…", "s3:https://…", "rclone:…"
  std::vector<std::string> options;      // "-o", "sftp.command=…": no secrets, everybody sees them
  std::vector<std::string> environment;  // "AWS_SECRET_ACCESS_KEY=…": seen by our user and root
  std::string password;                  // of the repository; goes through a pipe, to nobody else
  std::string cache;                     // a folder for what it asks for again and again; empty: none
  bool may_remove = true;
  // What to look at when a repository that was there is not any more.
  std::string when_lost = "is its disk mounted?";
  // A file in which restic's helper says what went wrong; restic may end before it has passed that on. Empty: none.
  std::string helper_log;
  // One that takes nothing for so long has failed.
  std::chrono::seconds stall{300};
  std::string program = "/usr/bin/restic";
};

// One snapshot an object: tags `berth` and `set=<id>`, the one file in it named as the object, percent-encoded.
// Each act is a child of 40 to 100 MB, bounded by its environment whatever the size of the data.
class ResticRepository : public Target {
 public:
  // `secrets`: files that the place names.
  ResticRepository(loop::Loop& loop, ResticPlace place, std::unique_ptr<SecretFolder> secrets = nullptr)
      : loop_(loop), place_(std::move(place)), secrets_(std::move(secrets)) {}

  Task<void> prepare(bool was_made) override;
  Task<StoredObject> store(std::string set, std::string name, ObjectWriter write) override;
  Task<std::vector<StoredObject>> list(std::string set, std::string name) override;
  Task<void> fetch(StoredObject object, BackupSink& sink) override;
  Task<void> fetch_to_file(StoredObject object, std::string path) override;
  // Each blob has the hash by which it is found, and is authenticated (restic, "Design", section Keys, Encryption and MAC).
  bool vouches() const override { return true; }
  Task<void> remove(std::vector<std::string> ids) override;
  Task<void> test(bool was_made) override;
  bool can_read() const override { return true; }
  bool deduplicates() const override { return true; }

 private:
  std::unique_ptr<Child> start(std::vector<std::string> arguments, int input = -1) const;
  Task<std::string> run(std::vector<std::string> arguments);
  Error failure_of(const Child& child, const loop::ExitStatus& status) const;

  loop::Loop& loop_;
  const ResticPlace place_;
  const std::unique_ptr<SecretFolder> secrets_;
};

// How an object's name stands in the repository: percent-encoded but for '@'.
std::string format_object_name(std::string_view name);
// What restic complains of, as an admin understands it: the code and its own words. `place`: of the repository.
Error explain_restic(std::string_view complaints, std::string_view place);
// The snapshots that `restic snapshots --json` prints; foreign ones are left out. kMalformed.
Result<std::vector<StoredObject>> parse_snapshots(std::string_view json_text);

}  // namespace berth::manager
