#include "manager/instances/moved.h"

#include <fmt/format.h>

#include <array>

#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr std::array<std::string_view, 4> kStates = {"arriving", "leaving", "moved", "arrived"};

}  // namespace

std::string_view name_of(Moved::State state) { return kStates.at(static_cast<std::size_t>(state)); }

std::string format_moved(const Moved& moved) {
  return json::serialize(json::Object{{"state", name_of(moved.state)},
                                      {"token", moved.token},
                                      {"url", moved.url},
                                      {"fingerprint", moved.fingerprint},
                                      {"verify", moved.verify},
                                      {"at", moved.at},
                                      {"until", moved.until},
                                      {"forwards", moved.forwards}});
}

Result<Moved> parse_moved(std::string_view text) {
  BERTH_TRY(const auto object, json::parse_object(text));
  Moved moved;
  const auto word = json::get_string(object, "state");
  const auto found = std::find(kStates.begin(), kStates.end(), word);
  if (found == kStates.end()) return fail(Errc::kMalformed, "state \"{}\" of a move is unknown", word);
  moved.state = static_cast<Moved::State>(found - kStates.begin());
  moved.token = json::get_string(object, "token");
  moved.url = json::get_string(object, "url");
  moved.fingerprint = json::get_string(object, "fingerprint");
  moved.verify = json::get_bool(object, "verify");
  moved.at = json::get_string(object, "at");
  moved.until = json::get_string(object, "until");
  moved.forwards = json::get_bool(object, "forwards");
  return moved;
}

std::string describe(const Moved& moved) {
  switch (moved.state) {
    case Moved::State::kArriving: return fmt::format("is just coming from {}", moved.url);
    case Moved::State::kLeaving: return fmt::format("is just going to {}", moved.url);
    case Moved::State::kMoved: return fmt::format("has moved to {}", moved.url);
    case Moved::State::kArrived: return fmt::format("came from {}", moved.url);
  }
  return "";
}

api::MovedInstance to_api(const Moved& moved) {
  api::MovedInstance view{std::string(name_of(moved.state)), moved.url, moved.at, {}, moved.forwards};
  if (!moved.until.empty()) view.until = moved.until;
  return view;
}

}  // namespace berth::manager
