// Where backup sets go, whatever it is.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "manager/backup/sink.h"

namespace berth::manager {

// One thing that lies at a target. A value.
struct StoredObject {
  std::string id;      // by which the target finds it again
  std::string set;     // id of the backup set it belongs to
  std::string name;    // within the set: the file's name as people see it
  std::string stored;  // ISO 8601 UTC
};

// Gives the bytes of one object to the sink; what it throws ends the storing.
using ObjectWriter = std::function<Task<void>(BackupSink&)>;

// Several tasks may use one at a time. All throw Failure with a detail that tells an admin what to do: kUnavailable
// (gone, not mounted, no answer), kTimeout (takes nothing any more), kNoSpace, kDenied (credentials, rights, key),
// kMalformed (what lies there is damaged), kNotFound, kUnsupported (a target that cannot do this).
class Target {
 public:
  virtual ~Target() = default;

  // Makes the place ready for its first use; harmless if it is. `was_made`: it has been before, so that an empty place
  // is a lost one, and is not filled anew without a word.
  virtual Task<void> prepare(bool was_made) = 0;
  // Stores what `write` gives as one object. It is there whole, or not at all: when `write` throws (passed on), when
  // the target fails, when this is cancelled.
  virtual Task<StoredObject> store(std::string set, std::string name, ObjectWriter write) = 0;
  // Of one set, or of all if it is empty; the oldest first. If there is a choice of names: only `name`.
  virtual Task<std::vector<StoredObject>> list(std::string set, std::string name) = 0;
  // The bytes of an object in order. A damaged one is an error at the latest at its end.
  virtual Task<void> fetch(StoredObject object, BackupSink& sink) = 0;
  // Into a new file `path`. On failure it may be there in part.
  virtual Task<void> fetch_to_file(StoredObject object, std::string path) = 0;
  // Those that are gone already are fine.
  virtual Task<void> remove(std::vector<std::string> ids) = 0;
  // Reaches it, writes, reads back and removes something small; all that prepare() will need.
  virtual Task<void> test(bool was_made) = 0;
  // Whether it can give back what it has. A drop box cannot: only the key sheet opens it.
  virtual bool can_read() const = 0;
  // Finds by itself what it has already: then dumps come uncompressed.
  virtual bool deduplicates() const = 0;
  // Whether it compares each byte that it gives back with what was stored, by itself.
  virtual bool vouches() const { return false; }
};

}  // namespace berth::manager
