#include "apps/notes/presence.h"

#include "base/bytes.h"

namespace berth::notes {
namespace {

json::Object to_json(const Visitor& visitor) {
  json::Object person{{"session", visitor.id}, {"name", visitor.name}};
  if (visitor.note) person["note"] = *visitor.note;
  return person;
}

// More than the JSON of one person takes beside the name: quotes, member names, two ids.
constexpr std::size_t kPersonBytes = 120;

}  // namespace

Presence::Presence(loop::Loop& loop, Publish publish)
    : loop_(loop), publish_(std::move(publish)), quiet_until_(loop.now()), timer_(loop) {}

Visitor& Presence::enter(std::string name) {
  const std::string id = random_hex(8);
  auto& visitor = visitors_[id];
  visitor = {.id = id, .name = std::move(name), .note = std::nullopt, .secret = random_hex(16)};
  changed();
  return visitor;
}

void Presence::leave(std::string_view id) {
  const auto found = visitors_.find(id);
  if (found == visitors_.end()) return;
  visitors_.erase(found);
  changed();
}

void Presence::set_writing(Visitor& visitor, std::optional<std::string> note) {
  if (visitor.note == note) return;
  visitor.note = std::move(note);
  changed();
}

json::Array Presence::people() const {
  json::Array people;
  std::size_t bytes = 0;
  for (const auto& [id, visitor] : visitors_) {
    bytes += kPersonBytes + 2 * visitor.name.size();
    if (bytes > kListBytes) break;
    people.push_back(to_json(visitor));
  }
  return people;
}

const Visitor* Presence::find_by_key(std::string_view key) const {
  const auto dash = key.find('-');
  if (dash == std::string_view::npos) return nullptr;
  const auto found = visitors_.find(key.substr(0, dash));
  if (found == visitors_.end()) return nullptr;
  return equal_in_constant_time(found->second.secret, key.substr(dash + 1)) ? &found->second : nullptr;
}

void Presence::changed() {
  if (timer_.is_running()) return;
  // The first change is told at the end of the turn, those that follow wait for their turn.
  const auto wait = std::max(quiet_until_ - loop_.now(), loop::Duration::zero());
  timer_.start(wait, [this] {
    quiet_until_ = loop_.now() + std::chrono::milliseconds(1000 / kTimesASecond);
    publish_({{"mt", "PeopleChanged"}, {"people", people()}});
  });
}

}  // namespace berth::notes
