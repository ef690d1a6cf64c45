// Who was refused is told some times a minute, and then counted: whoever tries for ever must not fill the log, however often he
// connects anew. By user, for that is what he cannot change.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>

#include "loop/loop.h"

namespace berth::webserver {

// Owned by the reactor.
class Refusals {
 public:
  static constexpr int kToldAMinute = 10;
  static constexpr std::size_t kMostUsers = 1'000;  // of more the others are forgotten, and told anew

  // One more: how many there were since one was told last, with this one. nullopt: it is not told.
  std::optional<std::uint64_t> note(uid_t user, loop::TimePoint now);

 private:
  struct Known {
    loop::TimePoint since;  // beginning of the minute
    int told = 0;           // in it
    std::uint64_t untold = 0;
  };
  std::map<uid_t, Known> users_;
};

}  // namespace berth::webserver
