#include "webserver/relay/refusals.h"

#include <utility>

namespace berth::webserver {

std::optional<std::uint64_t> Refusals::note(uid_t user, loop::TimePoint now) {
  auto& known = users_.try_emplace(user, Known{now}).first->second;
  if (now - known.since >= std::chrono::minutes(1)) known.since = now, known.told = 0;
  ++known.untold;
  if (known.told == kToldAMinute) return std::nullopt;
  ++known.told;
  const auto count = std::exchange(known.untold, 0);
  if (users_.size() > kMostUsers)
    std::erase_if(users_, [user](const auto& one) { return one.first != user; });
  return count;
}

}  // namespace berth::webserver
