// Settings of an instance, and the AppWebsocket API "Config" (reference/app-service.md section 4).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "berth/app_endpoint.h"

namespace berth::db {
class Database;
}

namespace berth::sdk {

enum class ConfigType : std::uint8_t { kChoice, kBool, kInt, kDword, kLong64, kUlong64, kString };

struct ConfigItem {
  std::string name;  // at most 255 bytes
  ConfigType type = ConfigType::kString;
  std::string default_value;         // kChoice: the option's text; kBool: "true" or "false"
  std::int64_t min = 0, max = 0;     // of whole numbers, which are clamped; both 0: what the type holds
  std::vector<std::string> choices;  // kChoice
  bool is_password = false;          // kString: never read back over the API
  bool is_unmanaged = false;         // invisible for the API
};

// Table `config(name, value, unmanaged)`: only values that differ from their default have a row. Owned by the
// instance; the database outlives it.
class Config {
 public:
  Config(db::Database& database, std::vector<ConfigItem> items);

  // Makes the table if it is missing and reads it. Throws Failure if the database cannot be reached.
  loop::Task<void> load();

  // As text; BERTH_CHECK that the item is declared.
  const std::string& text(std::string_view name) const;
  std::int64_t number(std::string_view name) const;
  bool flag(std::string_view name) const;

  // Clamps numbers to their range, refuses (kMalformed) what is no value of the type, kNotFound for unknown names.
  // Nothing is stored unless all are right; then all or nothing is stored.
  loop::Task<Result<void>> write(std::map<std::string, std::string> values);

  const std::vector<ConfigItem>& items() const { return items_; }
  const ConfigItem* find_item(std::string_view name) const;
  // Called after values changed, with their names.
  void on_changed(std::function<void(const std::vector<std::string>&)> call) {
    changed_.push_back(std::move(call));
  }

 private:
  db::Database& database_;
  std::vector<ConfigItem> items_;
  std::map<std::string, std::string, std::less<>> values_;  // those that differ from the default
  std::vector<std::function<void(const std::vector<std::string>&)>> changed_;
};

// Serves `config` to AppWebsockets (AppEndpoint::add_api()); goes with it. Who may read and write is decided for each
// session.
class ConfigApi : public Api {
 public:
  struct Access {
    bool read = false;
    bool write = false;
  };
  using AccessRule = std::function<Access(const AppSession&)>;
  ConfigApi(Config& config, AccessRule rule);

  std::string_view name() const override { return "Config"; }
  loop::Task<void> received(AppSession& session, Message message) override;
  void closed(AppSession& session) override;

 private:
  json::Object values() const;
  loop::Task<std::string> write(AppSession& session, Message message);
  Config& config_;
  AccessRule rule_;
  Subscribers subscribers_;  // those that sent GetConfigItems: ConfigUpdate carries that src
};

}  // namespace berth::sdk
