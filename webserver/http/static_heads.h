// Heads of answers with packed files, kept as they were made: most requests ask for the same few in the same way.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "webserver/http/static_answer.h"

namespace berth::webserver {

struct Attach;

// One a reactor. Holds at most kSlots heads, each of a few hundred bytes; two that meet in one slot push each other out.
class StaticHeads {
 public:
  struct Head {
    http1::Headers headers;  // as answer_static() gives them, and those of the attach
    std::string text;        // what HTTP/1.1 makes of them, up to Date
    ByteView body;           // part of the pack
  };

  // The 200 that answers `request`. Null if that depends on more than the file and its codings (conditions, ranges), or
  // if a field cannot be sent. Until the next call.
  const Head* find(const http1::RequestHead& request, const Attach& attach, const StaticFile& file);
  // Before an attach has another pack, or the address of one that has gone.
  void clear() { slots_ = {}; }

 private:
  static constexpr std::size_t kSlots = 256;
  struct Key {
    const Attach* attach;
    const static_pack::Entry* entry;
    std::uint8_t codings;
    bool is_immutable;
    bool operator==(const Key&) const = default;
  };
  struct Slot {
    Key key;
    Head head;
  };
  std::array<std::unique_ptr<Slot>, kSlots> slots_;
};

}  // namespace berth::webserver
