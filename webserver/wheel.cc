#include "webserver/wheel.h"

namespace berth::webserver {

void Deadline::cancel() {
  if (!previous_) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  previous_ = next_ = nullptr;
}

Wheel::Wheel(loop::Loop& loop, std::function<void(Deadline&)> expired)
    : loop_(loop), expired_(std::move(expired)), begin_(loop.now()), timer_(loop) {
  for (auto& slot : slots_) slot.previous_ = slot.next_ = &slot;
}

std::uint64_t Wheel::current_tick() const {
  return static_cast<std::uint64_t>(std::max(loop_.now() - begin_, loop::Duration::zero()) / kTick);
}

void Wheel::start(Deadline& deadline, std::chrono::milliseconds after) {
  deadline.cancel();
  const auto ticks = static_cast<std::uint64_t>((after + kTick - std::chrono::milliseconds(1)) / kTick);
  deadline.due_ = std::max(current_tick(), done_) + ticks + 1;
  Deadline& head = slots_[deadline.due_ % kSlots];
  deadline.next_ = &head;
  deadline.previous_ = head.previous_;
  head.previous_->next_ = &deadline;
  head.previous_ = &deadline;
  if (deadline.due_ < armed_for_) arm();
}

void Wheel::arm() {
  for (std::uint64_t tick = done_ + 1; tick <= done_ + kSlots; ++tick) {
    if (slots_[tick % kSlots].next_ == &slots_[tick % kSlots]) continue;
    armed_for_ = tick;
    const auto at = begin_ + tick * kTick;
    timer_.start(std::max<loop::Duration>(at - loop_.now(), loop::Duration::zero()), [this] { turn(); });
    return;
  }
  armed_for_ = ~std::uint64_t{0};
}

void Wheel::turn() {
  const auto now = current_tick();
  // After a long sleep each slot needs one visit, however many rounds went by.
  const auto first = now - done_ > kSlots ? now - kSlots + 1 : done_ + 1;
  done_ = std::max(now, done_);
  for (auto tick = first; tick <= now; ++tick) {
    Deadline& head = slots_[tick % kSlots];
    Deadline mark;  // what is put into this slot meanwhile belongs to a later round
    mark.previous_ = head.previous_;
    mark.next_ = &head;
    head.previous_->next_ = &mark;
    head.previous_ = &mark;
    while (head.next_ != &mark) {
      Deadline& deadline = *head.next_;
      deadline.cancel();
      if (deadline.due_ <= now) {
        expired_(deadline);
      } else {  // a later round: to the end of the list
        deadline.next_ = &head;
        deadline.previous_ = head.previous_;
        head.previous_->next_ = &deadline;
        head.previous_ = &deadline;
      }
    }
  }
  arm();
}

}  // namespace berth::webserver
