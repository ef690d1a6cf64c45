#include "manager/endpoints/downloads.h"

#include <algorithm>

#include "base/bytes.h"

namespace berth::manager {

Downloads::Slot Downloads::reserve() {
  const auto limits = limits_();
  if (taken_ >= limits.at_once)
    throw_failure(
        Errc::kUnavailable,
        "there are {} downloads already: wait until one of them has ended, those that nobody fetches do "
        "after {} s (settings downloads, downloadSeconds)",
        taken_, limits.wait.count());
  return Slot(*this);
}

api::Download Downloads::offer(Slot slot, const AdminPeer& owner, FileExport file) {
  const auto wait = limits_().wait;
  api::Download told;
  const std::string key = random_hex(24);
  told.address = "download?key=" + key;
  told.name = file.name;
  told.seconds = static_cast<std::uint64_t>(wait.count());
  offers_.push_back({key, &owner, loop_.now() + wait, {std::move(slot), std::move(file)}});
  expire();
  return told;
}

Downloads::Taken Downloads::take(const std::optional<std::string>& key) {
  for (auto offer = offers_.begin(); key && offer != offers_.end(); ++offer) {
    if (!equal_in_constant_time(offer->key, *key)) continue;
    auto content = std::move(offer->content);
    offers_.erase(offer);
    return content;
  }
  throw_failure(
      Errc::kDenied,
      "This address is wrong, has served already, or its time or session has ended: ask for another one.");
}

void Downloads::withdraw(const AdminPeer& owner) {
  offers_.remove_if([&](const Offer& offer) { return offer.owner == &owner; });
}

void Downloads::expire() {
  const auto now = loop_.now();
  offers_.remove_if([&](const Offer& offer) { return offer.ends <= now; });
  expiry_.cancel();
  const auto next = std::min_element(offers_.begin(), offers_.end(),
                                     [](const Offer& a, const Offer& b) { return a.ends < b.ends; });
  if (next != offers_.end()) expiry_.start(next->ends - now, [this] { expire(); });
}

}  // namespace berth::manager
