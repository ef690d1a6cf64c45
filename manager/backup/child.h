#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "loop/process.h"
#include "loop/readiness.h"
#include "loop/sync.h"

namespace berth::manager {

using loop::Task;

// A program of PostgreSQL that works for us: its output comes in pieces, its complaints are kept. Ended
// by SIGKILL when this goes before it has ended.
class Child {
 public:
  // Standard output and error are set here; standard input is what `options` name, else /dev/null.
  // Throws Failure when it cannot be started.
  static std::unique_ptr<Child> start(loop::Loop& loop, loop::SpawnOptions options);
  ~Child();

  // The next piece of its output; empty at the end.
  Task<std::string> read();
  // After the end of the output.
  Task<loop::ExitStatus> wait();
  // The last 8192 bytes of its standard error; whole after wait().
  const std::string& errors() const { return errors_; }

 private:
  Child(loop::Loop& loop, UniqueFd output, UniqueFd errors, std::unique_ptr<loop::ProcessWatch> watch);
  Task<void> collect_errors();

  UniqueFd output_fd_, errors_fd_;
  std::unique_ptr<loop::ProcessWatch> watch_;
  loop::Readiness output_ready_, errors_ready_;
  std::string errors_;
  bool ended_ = false;
  loop::Spawned<void> collecting_;  // last: uses the others
};

// What a failed pg_dump or pg_restore means: its own words, without its name, and the code that fits.
Error error_of_child(const Child& child, const loop::ExitStatus& status, std::string_view what);

// Rights dropped to a user who owns nothing, for programs that read files from outside; as a normal user
// they run as ourselves.
loop::SpawnOptions without_rights(loop::SpawnOptions options);

}  // namespace berth::manager
