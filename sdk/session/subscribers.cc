#include <map>

#include "berth/app_endpoint.h"
#include "sdk/session/session_handler.h"
#include "wire/json/json.h"

namespace berth::sdk {
namespace {

// "{"mt":…" + head + the other members + "}"
std::string join(const json::Object& indication, std::string_view head) {
  std::string text = "{\"mt\":";
  const json::Value* mt = indication.if_contains("mt");
  if (mt) json::append(text, *mt);
  else text += "null";
  text += head;
  for (const auto& [name, value] : indication) {
    if (name == "mt") continue;
    text += ',';
    json::append_string(text, {name.data(), name.size()});
    text += ':';
    json::append(text, value);
  }
  text += '}';
  return text;
}

}  // namespace

void Subscribers::add(AppSession& session, const Message& request) {
  std::string head;
  for (const char* name : {"api", "src"}) {
    if (const json::Value* value = request.body().if_contains(name)) {
      head += fmt::format(",\"{}\":", name);
      json::append(head, *value);
    }
  }
  heads_[&session] = std::move(head);  // asked again: the newer src counts
}

void Subscribers::remove(AppSession& session) { heads_.erase(&session); }

void Subscribers::publish(const json::Object& indication) const {
  publish_if([](AppSession&) { return true; }, indication);
}

void Subscribers::publish_if(const std::function<bool(AppSession&)>& wants,
                             const json::Object& indication) const {
  std::map<std::string_view, std::vector<AppSession*>> groups;
  for (const auto& [session, head] : heads_)
    if (wants(*session)) groups[head].push_back(session);
  for (const auto& [head, sessions] : groups) broadcast_text(sessions, join(indication, head));
}

}  // namespace berth::sdk
