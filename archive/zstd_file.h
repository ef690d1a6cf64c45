// Files compressed with zstd (RFC 8878), each with a checksum of its content. Blocking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace berth::archive {

// Writes to a descriptor that it borrows. Throws Failure (kNoSpace, …).
class ZstdWriter {
 public:
  explicit ZstdWriter(int fd, int level = 1);
  ~ZstdWriter();
  void write(std::span<const char> bytes);
  void finish();
  std::uint64_t stored_bytes() const;  // written to the descriptor so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads from a descriptor that it borrows. Throws Failure: kMalformed if a byte was changed or the end is missing.
class ZstdReader {
 public:
  explicit ZstdReader(int fd);
  ~ZstdReader();
  // Fills `bytes` as far as there is content; fewer only at the end.
  std::size_t read(std::span<char> bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::archive
