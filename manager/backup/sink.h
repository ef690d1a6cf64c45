// Where the bytes of a backup go.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "loop/task.h"

namespace berth::loop {
class Loop;
}

namespace berth::manager {

using loop::Task;

// Takes bytes in order. write() may wait (slow download); throws Failure (kNoSpace, kUnavailable) when
// it cannot go on. The sink outlives the backup.
class BackupSink {
 public:
  virtual ~BackupSink() = default;
  virtual Task<void> write(std::string bytes) = 0;
};

// Memory, for what is small. More than `most` bytes: kTooLarge.
class TextSink : public BackupSink {
 public:
  explicit TextSink(std::size_t most = SIZE_MAX) : most_(most) {}
  Task<void> write(std::string bytes) override;

  std::string text;

 private:
  const std::size_t most_;
};

// A descriptor: file, pipe, socket or terminal. Borrows it; does not make it durable. Pipes and sockets
// are non-blocking while this lives.
class DescriptorSink : public BackupSink {
 public:
  DescriptorSink(loop::Loop& loop, int fd);
  ~DescriptorSink() override;
  Task<void> write(std::string bytes) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A new file that is there whole and durable after finish(), or not at all: until then it has another
// name in the same folder, and goes with the sink. Replaces `path`. Disk work is done in a helper thread.
class FileSink : public BackupSink {
 public:
  FileSink(loop::Loop& loop, std::string path, unsigned mode = 0600);  // throws Failure
  ~FileSink() override;
  Task<void> write(std::string bytes) override;
  Task<void> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::manager
