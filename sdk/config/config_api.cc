#include <charconv>

#include "base/log.h"
#include "base/text.h"
#include "berth/app_instance.h"
#include "berth/config.h"
#include "wire/json/json.h"

namespace berth::sdk {
namespace {

std::string_view name_of_type(ConfigType type) {
  switch (type) {
    case ConfigType::kChoice: return "CHOICE";
    case ConfigType::kBool: return "BOOL";
    case ConfigType::kInt: return "INT";
    case ConfigType::kDword: return "DWORD";
    case ConfigType::kLong64: return "LONG64";
    case ConfigType::kUlong64: return "ULONG64";
    case ConfigType::kString: return "STRING";
  }
  return "STRING";
}

bool is_number(ConfigType type) {
  return type == ConfigType::kInt || type == ConfigType::kDword || type == ConfigType::kLong64 ||
         type == ConfigType::kUlong64;
}

json::Object describe(const ConfigItem& item) {
  json::Object out{{"name", item.name}, {"type", name_of_type(item.type)}};
  if (is_number(item.type) && (item.min != 0 || item.max != 0)) {
    out["minVal"] = item.min;
    out["maxVal"] = item.max;
  }
  if (item.is_password) out["password"] = true;
  if (item.type == ConfigType::kChoice) {
    json::Array choices;
    for (const auto& choice : item.choices) choices.emplace_back(choice);
    out["choices"] = std::move(choices);
  }
  return out;
}

json::Value to_wire(const ConfigItem& item, const std::string& text) {
  switch (item.type) {
    case ConfigType::kString:
      return json::Value(item.is_password ? std::string_view{} : std::string_view(text));
    case ConfigType::kBool: return text == "true";
    case ConfigType::kChoice: {
      std::int64_t index = 0;
      while (static_cast<std::size_t>(index) < item.choices.size() &&
             item.choices[static_cast<std::size_t>(index)] != text)
        ++index;
      return index;
    }
    case ConfigType::kUlong64: {
      std::uint64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return value;
    }
    default: return parse_integer(text).value_or(0);
  }
}

// The text that Config::write() takes; nullopt for what is no value.
std::optional<std::string> from_wire(const ConfigItem& item, const json::Value& value,
                                     const AppSession& session) {
  if (item.is_password) return session.open_secret(value);
  if (value.is_bool()) return std::string(value.get_bool() ? "true" : "false");
  if (const auto* text = value.if_string()) {
    if (item.type != ConfigType::kChoice) return std::string(text->data(), text->size());
    const auto index = parse_integer({text->data(), text->size()});
    if (!index) return std::string(text->data(), text->size());
    return from_wire(item, json::Value(*index), session);
  }
  if (!value.is_int64() && !value.is_uint64()) return std::nullopt;
  if (item.type == ConfigType::kChoice) {
    const auto index = value.is_int64() ? value.get_int64() : -1;
    if (index < 0 || static_cast<std::size_t>(index) >= item.choices.size()) return std::nullopt;
    return item.choices[static_cast<std::size_t>(index)];
  }
  return value.is_int64() ? std::to_string(value.get_int64()) : std::to_string(value.get_uint64());
}

}  // namespace

ConfigApi::ConfigApi(Config& config, AccessRule rule) : config_(config), rule_(std::move(rule)) {
  config_.on_changed([this](const std::vector<std::string>&) {
    subscribers_.publish_if([this](AppSession& session) { return rule_(session).read; },
                            {{"mt", "ConfigUpdate"}, {"ConfigItems", values()}});
  });
}

json::Object ConfigApi::values() const {
  json::Object out;
  for (const auto& item : config_.items())
    if (!item.is_unmanaged) out[item.name] = to_wire(item, config_.text(item.name));
  return out;
}

loop::Task<void> ConfigApi::received(AppSession& session, Message message) {
  const Access access = rule_(session);
  const std::string mt(message.mt());
  if (mt == "GetConfigItems" || mt == "ReadConfig") {
    if (!access.read) {
      session.reply(message, {{"result", "AccessDenied"}});
    } else if (mt == "ReadConfig") {
      session.reply(message, {{"ConfigItems", values()}});
    } else {
      subscribers_.add(session, message);
      json::Array items;
      for (const auto& item : config_.items())
        if (!item.is_unmanaged) items.push_back(describe(item));
      session.reply(message, {{"ConfigItems", std::move(items)}});
    }
  } else if (mt == "WriteConfig") {
    std::string result = "AccessDenied";
    if (access.write) result = co_await write(session, message);
    session.reply(message, {{"result", result}});
  }
}

loop::Task<std::string> ConfigApi::write(AppSession& session, Message message) {
  const json::Object* items = message.object("ConfigItems");
  if (!items) co_return "failed";
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : *items) {
    std::string_view name(key.data(), key.size());
    const ConfigItem* item = config_.find_item(name);
    constexpr std::string_view kSuffix = "Password";
    if (!item && name.ends_with(kSuffix)) {  // the documented spelling of a password item
      item = config_.find_item(name.substr(0, name.size() - kSuffix.size()));
      if (item && !item->is_password) item = nullptr;
    }
    if (!item || item->is_unmanaged) co_return "failed";
    // A page sends back the empty text that it read: not a new password.
    if (item->is_password && value.is_string() && value.get_string().empty()) continue;
    auto text = from_wire(*item, value, session);
    if (!text) co_return "failed";
    values[item->name] = std::move(*text);
  }
  std::string why;
  try {
    const auto written = co_await config_.write(std::move(values));
    if (written) co_return "ok";
    why = written.error().detail;
  } catch (...) {
    why = current_error().detail;
  }
  session.instance().log(kConfig, "settings not written", {{"error", why}});
  co_return "failed";
}

void ConfigApi::closed(AppSession& session) { subscribers_.remove(session); }

}  // namespace berth::sdk
