// Who is here: the sessions that subscribed, and what each is writing in.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "loop/loop.h"
#include "wire/json/json.h"

namespace berth::notes {

struct Visitor {
  std::string id;  // told to everybody
  std::string name;
  std::optional<std::string> note;  // the note this person is writing in
  std::string secret;               // told to this visitor only: opens the files
};

// Owned by the instance. Tells changes by `publish`, at most kTimesASecond times a second however
// many come.
class Presence {
 public:
  static constexpr int kTimesASecond = 4;
  // Of `people`: with very many visitors the list is cut, so that a message stays below 65,535 bytes.
  static constexpr std::size_t kListBytes = 48000;

  using Publish = std::function<void(json::Object people_changed)>;
  Presence(loop::Loop& loop, Publish publish);

  // The visitor stays where it is until leave().
  Visitor& enter(std::string name);
  void leave(std::string_view id);
  void set_writing(Visitor& visitor, std::optional<std::string> note);

  json::Array people() const;
  // What enter() gave as id and secret: "id-secret". nullptr if it is nobody's (any more).
  const Visitor* find_by_key(std::string_view key) const;
  static std::string key_of(const Visitor& visitor) { return visitor.id + '-' + visitor.secret; }

 private:
  void changed();
  loop::Loop& loop_;
  Publish publish_;
  std::map<std::string, Visitor, std::less<>> visitors_;
  loop::TimePoint quiet_until_;
  loop::Timer timer_;
};

}  // namespace berth::notes
