// That an instance goes to another platform, has gone there, or comes from one: what its row keeps of it.
#pragma once

#include <string>

#include "api/instance.h"
#include "base/result.h"

namespace berth::manager {

// A value.
struct Moved {
  // kArriving: its data are just coming; kLeaving: it is stopped for the last part of the way out; kMoved: it runs on the
  // other platform, what is here is kept for a while; kArrived: it came from the other one and has been at home here since.
  enum class State : std::uint8_t { kArriving, kLeaving, kMoved, kArrived };
  State state = State::kArriving;
  std::string token;        // of this move, known to both platforms
  std::string url;          // wss://… of the other platform's manager
  std::string fingerprint;  // of its certificate, if that alone is trusted
  bool verify = true;       // its certificate
  std::string at, until;    // ISO 8601 UTC; until: what is left here goes to the bin then
  bool forwards = false;    // kMoved: requests for the path are passed on
  bool operator==(const Moved&) const = default;
};

// The text in the table: a JSON object. kMalformed.
std::string format_moved(const Moved& moved);
Result<Moved> parse_moved(std::string_view text);
std::string_view name_of(Moved::State state);

// "is now on wss://…", for people.
std::string describe(const Moved& moved);
api::MovedInstance to_api(const Moved& moved);

}  // namespace berth::manager
