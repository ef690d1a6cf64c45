#include "sdk/share/turns.h"

#include <algorithm>
#include <optional>

#include "base/result.h"
#include "sdk/share/instance_share.h"

namespace berth::sdk {

Turns::Turns(loop::Loop& loop, std::function<loop::Duration(const loop::Account&)> spent)
    : loop_(loop), spent_(std::move(spent)), others_at_(loop.now() - kLately), round_(loop), later_(loop) {}

Turns::~Turns() { BERTH_CHECK(waiting_.empty()); }

bool Turns::is_contended(const InstanceShare& share) {
  const auto now = loop_.now();
  if (last_ != &share) {
    if (last_) others_at_ = now;
    last_ = &share;
  }
  return now - others_at_ < kLately;
}

void Turns::add(InstanceShare& share) {
  if (std::find(waiting_.begin(), waiting_.end(), &share) == waiting_.end()) waiting_.push_back(&share);
  plan();
}

void Turns::remove(const InstanceShare& share) {
  std::erase(waiting_, &share);
  if (last_ == &share) last_ = nullptr;
}

// The next round: in the next turn of the loop if somebody may go on, else when the first one may.
void Turns::plan() {
  if (round_.is_scheduled()) return;
  std::optional<loop::TimePoint> first;
  for (InstanceShare* share : waiting_) {
    if (!share->is_waiting()) continue;  // whoever waited is gone
    const auto next = share->next_turn();
    if (!first || next < *first) first = next;
  }
  later_.cancel();
  if (!first) return;
  if (*first <= loop_.now()) round_.schedule([this] { go_round(); });
  else later_.start(*first - loop_.now(), [this] { go_round(); });
}

void Turns::go_round() {
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    InstanceShare* share = waiting_.front();
    waiting_.pop_front();
    waiting_.push_back(share);
    if (share->next_turn() > loop_.now()) continue;
    if (before_slice) before_slice();
    share->take_turn();  // which may put others, or itself, in or out
    break;
  }
  std::erase_if(waiting_, [](const InstanceShare* share) { return !share->is_waiting(); });
  plan();
}

}  // namespace berth::sdk
