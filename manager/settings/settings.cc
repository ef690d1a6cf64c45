#include "manager/settings/settings.h"

#include <algorithm>

#include "base/flight_recorder.h"
#include "base/text.h"
#include "base/time_zone.h"
#include "manager/alarms/places.h"
#include "manager/capture/capture_switch.h"
#include "manager/services/service_sandbox.h"
#include "manager/sets/schedule.h"
#include "manager/settings/timed_mode.h"

namespace berth::manager {
namespace {

using sdk::ConfigItem;
using sdk::ConfigType;

SettingDeclaration text_item(std::string name, std::string value, std::string text) {
  ConfigItem item;
  item.name = std::move(name);
  item.default_value = std::move(value);
  return {std::move(item), std::move(text)};
}
SettingDeclaration flag_item(std::string name, bool value, std::string text) {
  ConfigItem item;
  item.name = std::move(name);
  item.type = ConfigType::kBool;
  item.default_value = value ? "true" : "false";
  return {std::move(item), std::move(text)};
}
SettingDeclaration number_item(std::string name, std::int64_t value, std::int64_t min, std::int64_t max,
                               std::string text) {
  ConfigItem item;
  item.name = std::move(name);
  item.type = ConfigType::kLong64;
  item.default_value = std::to_string(value);
  item.min = min;
  item.max = max;
  return {std::move(item), std::move(text)};
}

SettingDeclaration secret_item(std::string name, std::string text) {
  auto item = text_item(std::move(name), "", std::move(text));
  item.item.is_password = true;
  return item;
}

// Alarms and mail (docs/admin.md).
void declare_alarms(std::vector<SettingDeclaration>& all) {
  all.push_back(
      text_item("alarmUrl", "", "Address of the Events app that gets alarms and events; empty: none"));
  all.push_back(text_item("alarmUser", "", "User name for the Events app (Basic or Digest, as it asks)"));
  all.push_back(secret_item("alarmPassword", "Password for the Events app"));
  all.push_back(text_item("alarmFingerprint", "",
                          "SHA-256 of the certificate of the Events app; empty: the system's roots decide"));
  all.push_back(number_item("alarmRepeatMinutes", 30, 1, 1440,
                            "An alarm that is still set is told to the Events app again after so long"));
  all.push_back(secret_item("alarmWebhooks",
                            "Addresses that get each alarm as JSON, separated by spaces, at most eight"));
  all.push_back(number_item("alarmHistoryDays", 90, 1, 3650,
                            "Days for which past alarms and events are shown; at most 5,000 of them"));
  all.push_back(
      text_item("mailTo", "", "Who gets alarms by mail: addresses, separated by commas; empty: nobody"));
  all.push_back(text_item("mailServer", "", "Mail server: host or host:port; empty: no mail"));
  all.back().check = [](std::string_view value) -> Result<void> {
    BERTH_TRY_VOID(parse_mail_server(value));
    return {};
  };
  {
    auto choice =
        text_item("mailSecurity", "starttls",
                  "starttls (port 587), tls (465), opportunistic (STARTTLS if offered), plain (25)");
    choice.item.type = ConfigType::kChoice;
    choice.item.choices = {"starttls", "tls", "opportunistic", "plain"};
    all.push_back(std::move(choice));
  }
  all.push_back(text_item("mailFrom", "", "Address that mails come from; empty: mailUser"));
  all.push_back(text_item("mailFromName", "Berth", "Name that mails come from"));
  all.push_back(text_item("mailHelo", "", "Our name to the mail server; empty: localhost"));
  all.push_back(text_item("mailUser", "", "User name at the mail server; empty: none"));
  all.push_back(secret_item("mailPassword", "Password at the mail server"));
  all.push_back(text_item("mailFingerprint", "",
                          "SHA-256 of the certificate of the mail server; empty: the system's roots decide"));
  all.push_back(number_item("mailPerHour", 20, 1, 1000, "Mails within an hour; further ones wait"));
  all.push_back(
      text_item("mailTokenUrl", "", "OAuth2: address that gives access tokens; empty: the password is used"));
  all.back().check = check_secret_url;
  all.push_back(text_item("mailClientId", "", "OAuth2: client id"));
  all.push_back(secret_item("mailClientSecret", "OAuth2: client secret"));
  all.push_back(secret_item("mailRefreshToken", "OAuth2: refresh token; empty: client credentials are used"));
  all.push_back(text_item("mailScope", "", "OAuth2: scope, as the provider wants it"));
}

// Monitoring (docs/monitoring.md).
void declare_monitoring(std::vector<SettingDeclaration>& all) {
  all.push_back(
      number_item("monitorBytes", 256LL << 20, 0, 1LL << 40,
                  "Bytes that the records of the monitoring may take; nothing new is recorded above it"));
  all.push_back(
      secret_item("metricsToken",
                  "Token for /metrics, /healthz and /readyz, given as \"Authorization: Bearer\"; empty: "
                  "they are closed"));
  all.back().check = [](std::string_view value) -> Result<void> {
    constexpr std::size_t kLeast = 16, kMost = 256;
    if (value.size() >= kLeast && value.size() <= kMost &&
        value.find_first_of(" \t\r\n") == std::string_view::npos)
      return {};
    return fail(Errc::kMalformed, "a token of {} to {} characters without spaces is expected", kLeast, kMost);
  };
}

// Packet capture (docs/admin.md).
void declare_capture(std::vector<SettingDeclaration>& all) {
  all.push_back(text_item("captureUntil", "",
                          "Until when capture tools get the packets of this machine, as "
                          "2026-11-23T08:00:00Z, at most 24 hours ahead; empty: not at all"));
  all.back().check = check_capture_until;
  all.push_back(text_item("captureFrom", "127.0.0.1",
                          "Addresses that may capture, separated by spaces; the port is open for these "
                          "alone"));
  all.back().check = check_capture_from;
  all.push_back(text_item("captureInterface", "",
                          "Interfaces that may be captured, separated by spaces; empty: all with Ethernet "
                          "frames"));
  all.back().check = check_capture_interfaces;
  all.push_back(number_item("capturePort", 2002, 1, 65'535, "TCP port that capture tools connect to"));
  all.push_back(text_item("captureUser", "capture", "User name that capture tools give"));
  all.push_back(secret_item("capturePassword",
                            "Password that capture tools give (it travels in the clear); berth capture on "
                            "makes one if there is none"));
  all.back().check = [](std::string_view value) -> Result<void> {
    constexpr std::size_t kMost = 1'000;
    if (value.size() <= kMost) return {};
    return fail(Errc::kMalformed, "at most {} bytes", kMost);
  };
}

// What instances may have (docs/limits.md).
void declare_limits(std::vector<SettingDeclaration>& all) {
  all.push_back(
      number_item("limitDatabaseBytes", 0, 0, 1LL << 50,
                  "Size of the database of an instance at which it can only read; 0: none. This and "
                  "the following hold where nothing else is set for an instance or its domain"));
  all.push_back(number_item("limitWebsockets", 0, 0, 10'000'000,
                            "WebSockets of an instance at once (503); 0: no limit"));
  all.push_back(number_item("limitRequests", 0, 0, 1'000'000,
                            "Requests a second of an instance; more of them wait; 0: no limit"));
  all.push_back(number_item("limitMessages", 0, 0, 10'000'000,
                            "WebSocket messages a second to an instance; more of them wait; 0: no limit"));
  all.push_back(number_item("limitDatabaseConnections", 4, 1, 100,
                            "Connections of an instance to its database at once; further statements wait"));
  all.push_back(number_item("limitStatementSeconds", 60, 1, 86'400,
                            "Longest run of a statement of an instance in its database, in seconds"));
  all.push_back(number_item("usageDays", 400, 31, 3660,
                            "Days for which it is kept what each instance used (berth usage)"));
}

std::vector<SettingDeclaration> declare() {
  std::vector<SettingDeclaration> all;
  all.push_back(text_item("dnsName", "",
                          "DNS name under which clients reach this platform; empty: the host they ask for"));
  {
    auto zone =
        text_item("timezone", "",
                  "Time zone of the manager's own plans, as a POSIX TZ text (CET-1CEST,M3.5.0,M10.5.0/3); "
                  "empty: UTC. The system's clock stays as it is");
    zone.check = [](std::string_view value) -> Result<void> {
      BERTH_TRY_VOID(TimeZone::parse(value));
      return {};
    };
    all.push_back(std::move(zone));
  }
  all.push_back(text_item("storeUrl", "",
                          "App store: URL of its folder or of its apps.json, or a folder of this machine. "
                          "--store goes before it"));
  all.push_back(text_item(
      "storeKeys", "",
      "Public minisign keys whose signatures on the store's index are trusted, separated by spaces"));
  all.push_back(
      number_item("storeStallSeconds", 30, 1, 600, "A download that gives nothing for so long is given up"));
  all.push_back(number_item("storeFileLimit", 512LL << 20, 1 << 20, 4LL << 30,
                            "Largest file taken from a store, in bytes"));
  all.push_back(number_item("storeIndexLimit", 8 << 20, 1 << 16, 64 << 20,
                            "Largest index taken from a store, in bytes"));
  all.push_back(flag_item("developerMode", false,
                          "Unsigned apps and apps uploaded by hand may be installed; they are marked"));
  all.push_back(
      number_item("developerHours", 8, 0, 8760, "Hours after which developer mode ends by itself; 0: never"));
  {
    auto moment = text_item("developerModeEnds", "",
                            "When developer mode ends by itself, as 2026-11-23T08:00:00Z; set when it is "
                            "switched on; empty: never");
    moment.check = check_moment;
    all.push_back(std::move(moment));
  }
  all.push_back(flag_item("appSecurityOff", false,
                          "Admins of this machine may open a shell within an app, to look for a fault "
                          "(berth service shell)"));
  all.push_back(number_item("appSecurityOffHours", 4, 0, 8760,
                            "Hours after which appSecurityOff ends by itself; 0: never"));
  {
    auto moment = text_item("appSecurityOffEnds", "",
                            "When appSecurityOff ends by itself, as 2026-11-23T08:00:00Z; set when it is "
                            "switched on; empty: never");
    moment.check = check_moment;
    all.push_back(std::move(moment));
  }
  all.push_back(
      text_item("weakerSandbox", "",
                "Apps (their ids, separated by spaces) that may run though a required layer of their "
                "sandbox is missing; the next start takes it over"));
  {
    auto off = text_item("sandboxOff", "",
                         "Layers of the sandbox that are switched off, as SERVICE/LAYER separated by spaces "
                         "(echo/own-user); the next start takes it over");
    off.check = [](std::string_view value) -> Result<void> {
      BERTH_TRY_VOID(parse_switched_off(value));
      return {};
    };
    all.push_back(std::move(off));
  }
  all.push_back(
      number_item("serviceMemory", 0, 0, std::int64_t{1} << 40,
                  "Memory of an app whose package asks for no other limit, in bytes; 0: half of the "
                  "machine's"));
  all.push_back(number_item("serviceTasks", 512, 8, 10'000,
                            "Processes and threads of an app whose package asks for no other limit"));
  all.push_back(
      number_item("serviceOpenFiles", 8192, 256, 1 << 20, "Files and sockets an app may have open"));
  {
    auto range =
        text_item("appNetworkRange", "198.18.0.0/16",
                  "IPv4 addresses for apps that have a network of their own, four each; nobody else on "
                  "this machine's networks may have them");
    range.check = [](std::string_view value) -> Result<void> {
      BERTH_TRY_VOID(AddressRange::parse(value));
      return {};
    };
    all.push_back(std::move(range));
  }
  all.push_back(number_item("appNetworkSeconds", 60, 10, 86'400,
                            "How often the hosts that apps may reach are looked up, in seconds"));
  all.push_back(
      number_item("binDays", 7, 0, 365,
                  "Days for which a deleted instance can be brought back; 0: deleting is for good"));
  all.push_back(number_item("backupDays", 7, 0, 365,
                            "Instances without a backup that young are told on the overview; 0: none is"));
  all.push_back(
      number_item("backupParallel", 1, 1, 16,
                  "Databases backed up at the same time, of all policies together; each takes some 64 MiB"));
  all.push_back(number_item("backupStallSeconds", 300, 5, 86'400,
                            "A backup target that takes or gives nothing for so long is given up"));
  all.push_back(
      text_item("drillSchedule", "weekly sun 04:00",
                "When the newest backup of each instance is restored beside it, compared and dropped; never, "
                "or as for policies"));
  all.back().check = [](std::string_view value) -> Result<void> {
    BERTH_TRY_VOID(Schedule::parse(value));
    return {};
  };
  all.push_back(
      number_item("drillDays", 15, 0, 365,
                  "Instances of which no backup has proven restorable for so long are told on the overview; "
                  "0: none is"));
  all.push_back(
      text_item("acceptedChecks", "",
                "Findings of the overview that you know and accept: their ids, separated by spaces"));
  all.push_back(number_item(
      "restoreUndoDays", 7, 0, 365,
      "Days for which the data that a restore replaced can be brought back; 0: they go at its end"));
  all.push_back(
      number_item("moveForwardDays", 7, 0, 90,
                  "Days for which the path of an instance that has moved to another platform is passed on to "
                  "it, and what it left here is kept; then that goes to the bin. 0: not passed on, kept as "
                  "what is deleted"));
  all.push_back(
      number_item("moveHoldSeconds", 60, 5, 600,
                  "Longest time that clients of an instance which is just moving wait before they are "
                  "told to come back"));
  all.push_back(
      number_item("moveCatchUpSeconds", 1800, 10, 86'400,
                  "An instance that is written to faster than it can be carried over for so long is not "
                  "moved"));
  {
    auto choice =
        text_item("timeMachine", "auto",
                  "Record what happens, so that an instance can be brought back to any second: auto "
                  "(where the disk has room for it), on, off");
    choice.item.type = ConfigType::kChoice;
    choice.item.choices = {"auto", "on", "off"};
    all.push_back(std::move(choice));
  }
  all.push_back(number_item("timeMachineDays", 7, 1, 90,
                            "Days back to which the time machine reaches; more take more disk"));
  all.push_back(
      number_item("optimiseHour", 22, -1, 23,
                  "Hour, by timezone, from which on the databases are optimised every night, at a random "
                  "moment of the seven hours after it; -1: never"));
  all.push_back(
      number_item("serviceStartSeconds", 30, 1, 600,
                  "A service that does not report within so long after its installation counts as broken"));
  all.push_back(number_item("healthSeconds", 10, 0, 3600,
                            "Seconds between two questions to an app whether it still works; 0: none"));
  all.push_back(
      number_item("hangSeconds", 30, 2, 3600,
                  "An app or webserver that does not answer for so long is ended and started again"));
  all.push_back(
      number_item("replaceWaitSeconds", 10, 0, 3600,
                  "While the manager is replaced by a newer build: how long running steps of jobs may "
                  "take to end; what takes longer is begun again by the new one"));
  all.push_back(
      number_item("webserverDrainMinutes", 240, 1, 10080,
                  "How long a webserver that was replaced may serve the connections that it still has"));
  all.push_back(
      number_item("logFileBytes", 1 << 20, 1 << 16, 1 << 30,
                  "Size of one log file of a service; the next start of the service takes it over"));
  all.push_back(number_item("logFiles", 5, 2, 100, "Log files kept for each service"));
  all.push_back(
      number_item("logFloodBytes", 1LL << 30, 0, 1LL << 50,
                  "An app that writes more bytes an hour into its log is told on the overview; 0: never"));
  all.push_back(flag_item("hexdumps", true, "Apps may write bytes as hexdumps into their logs"));
  all.push_back(number_item(
      "flightRecorderBytes", 1 << 20, 0, static_cast<std::int64_t>(kFlightLargest),
      "Memory in which each service keeps the last minutes of full trace, saved when it crashes; 0: none; "
      "the next start of the service takes it over"));
  all.push_back(number_item("coreBytes", 512LL << 20, 0, 16LL << 30,
                            "Memory of a crashed service that is saved at most as a core dump; 0: none; the "
                            "next start of the service takes it over"));
  all.push_back(number_item("coresPerService", 5, 0, 100, "Core dumps kept for each service"));
  all.push_back(number_item("reportsPerService", 50, 1, 1000, "Crash reports kept for each service"));
  all.push_back(number_item("reportBytes", 2LL << 30, 64 << 20, 1LL << 40,
                            "Disk that crash reports and core dumps take at most, in bytes; the oldest go"));
  all.push_back(
      number_item("downloads", 8, 1, 100,
                  "Core dumps and support bundles that are fetched over HTTP or wait for it at once"));
  all.push_back(number_item("downloadSeconds", 120, 5, 3600,
                            "How long such a file waits for the request that fetches it"));
  all.push_back(flag_item("redirectHttps", false, "Answer http with a redirect to https"));
  all.push_back(flag_item("http2", true, "Offer HTTP/2 to browsers that come by https"));
  all.push_back(flag_item("accessLog", false, "The webserver writes a line for each request"));
  all.push_back(flag_item(
      "compactTls", true,
      "Idle connections of TLS 1.3 cost 0.3 kB instead of 14; off: OpenSSL keeps them, for new ones"));
  {
    auto passphrase = text_item("backupPassphrase", "",
                                "Seals the passwords in backup files; empty: they are in the file as they "
                                "are. Keep it elsewhere too");
    passphrase.item.is_password = true;
    all.push_back(std::move(passphrase));
  }
  declare_alarms(all);
  declare_monitoring(all);
  declare_capture(all);
  declare_limits(all);
  all.push_back(
      number_item("diskThreshold", 95, 20, 100,
                  "Per cent of the disk at which all apps are stopped; ten below it a warning; 100: never"));
  all.push_back(
      number_item("reserveBytes", 500'000'000, 0, 1LL << 40,
                  "Size of the reserve on the disk that berth emergency free-space gives back; 0: none"));
  all.push_back(
      text_item("commandFileUrl", "",
                "Address of the command file, which tells this platform where to send backups; empty: none"));
  all.push_back(number_item("commandFileMinutes", 60, 1, 10080,
                            "The command file is fetched every so many minutes, unless it says otherwise"));
  all.push_back(
      text_item("commandFileFingerprint", "",
                "SHA-256 of the certificate of the command file's server; empty: the system's roots decide"));
  all.push_back(text_item("commandFileUser", "", "User name for the command file"));
  {
    auto password = text_item("commandFilePassword", "", "Password for the command file");
    password.item.is_password = true;
    all.push_back(std::move(password));
  }
  // Ranges and defaults of docs/webserver.md; 0: the webserver's own default.
  struct Limit {
    const char* name;
    const char* text;
  };
  constexpr Limit kLimits[] = {
      {"headBytes", "bytes of a request head (431)"},
      {"headFields", "fields of a request head (431)"},
      {"targetBytes", "bytes of a request target (414)"},
      {"bodyBytes", "bytes of a request body (413)"},
      {"messageBytes", "bytes of a WebSocket message (1009)"},
      {"connections", "connections of all clients (503)"},
      {"connectionsPerPeer", "connections of one client address (503)"},
      {"handshakeMs", "milliseconds of a TLS handshake"},
      {"headMs", "milliseconds of a request head (408)"},
      {"idleMs", "milliseconds between requests"},
      {"stallMs", "milliseconds in which a client takes or gives nothing (408)"},
      {"bodyRate", "bytes a second of a request's body, over stallMs; slower ones are cut (408)"},
      {"responseMs", "milliseconds until a service answers (504)"},
      {"http2Streams", "requests at once of an HTTP/2 connection"},
      {"http2WindowBytes", "bytes of a body ahead of its service, each HTTP/2 request"},
      {"http2BufferBytes", "bytes of bodies ahead of their services, each HTTP/2 connection"},
      {"http2FrameBytes", "bytes of an HTTP/2 frame"},
      {"http2Nuisances", "HTTP/2 frames that ask for nothing, and five a reset (connection ends)"},
      {"http2StreamsInAll", "HTTP/2 requests at once of a reactor"},
  };
  for (const auto& limit : kLimits)
    all.push_back(number_item(fmt::format("webserver.{}", limit.name), 0, 0, 1LL << 40,
                              fmt::format("Webserver limit: {}; 0: its default", limit.text)));
  return all;
}

std::vector<ConfigItem> items() {
  std::vector<ConfigItem> items;
  for (const auto& declaration : setting_declarations())
    if (!declaration.item.is_password) items.push_back(declaration.item);  // those are sealed rows
  return items;
}

}  // namespace

const std::vector<SettingDeclaration>& setting_declarations() {
  static const std::vector<SettingDeclaration> kAll = declare();  // a table, never changed
  return kAll;
}

Settings::Settings(db::Database& database, const SecretBox& box)
    : database_(database), box_(box), config_(database, items()) {}

Task<void> Settings::load() { co_await config_.load(); }

Task<Result<void>> Settings::set(std::string name, std::string value) {
  for (const auto& [declared, text, check] : setting_declarations()) {
    if (declared.name != name) continue;
    if (check && !value.empty())
      if (auto checked = check(value); !checked)
        co_return tl::unexpected(std::move(checked.error()).within(name));
    if (!declared.is_password) continue;
    if (value.empty()) co_await forget_secret(name);
    else co_await set_secret(name, std::move(value));
    if (secret_changed) secret_changed(name);
    co_return Result<void>();
  }
  const auto* item = config_.find_item(name);
  if (!item) co_return fail(Errc::kNotFound, "there is no setting \"{}\"", name);
  if (item->type == ConfigType::kBool) {
    if (value == "1" || value == "on" || value == "yes") value = "true";
    if (value == "0" || value == "off" || value == "no") value = "false";
  }
  if (item->type == ConfigType::kLong64) {
    // The Config API clamps, as the original does; an admin is told instead.
    const auto number = parse_integer(value);
    if (!number || *number < item->min || *number > item->max)
      co_return fail(Errc::kMalformed, "{}: a whole number from {} to {} is expected", name, item->min,
                     item->max);
  }
  std::map<std::string, std::string> values;
  values[name] = value;
  co_return co_await config_.write(std::move(values));
}

std::vector<api::Setting> Settings::list() const {
  std::vector<api::Setting> list;
  for (const auto& [item, text, check] : setting_declarations()) {
    api::Setting setting;
    setting.name = item.name;
    setting.secret = item.is_password;
    setting.value = item.is_password ? "" : config_.text(item.name);
    setting.default_value = item.default_value;
    setting.text = text;
    setting.choices = item.choices;
    switch (item.type) {
      case ConfigType::kBool: setting.type = api::SettingType::kBoolean; break;
      case ConfigType::kChoice: setting.type = api::SettingType::kChoice; break;
      case ConfigType::kString:
        setting.type = item.is_password ? api::SettingType::kPassword : api::SettingType::kText;
        break;
      default:
        setting.type = api::SettingType::kInteger;
        setting.min = item.min;
        setting.max = item.max;
    }
    list.push_back(std::move(setting));
  }
  return list;
}

Task<std::optional<std::string>> Settings::secret(std::string_view name) {
  const std::string row(name);
  const auto rows = co_await database_.query_repeatable("SELECT value FROM config WHERE name = $1", row);
  if (rows.empty()) co_return std::nullopt;
  auto value = box_.unseal(rows.front().text(0));
  if (!value) throw Failure(std::move(value.error()).within(row));
  co_return std::move(*value);
}

Task<void> Settings::set_secret(std::string_view name, std::string value) {
  const std::string row(name), sealed = box_.seal(value);
  erase_secret(value);
  co_await database_.query_repeatable(
      "INSERT INTO config (name, value, unmanaged) VALUES ($1, $2, true) ON CONFLICT (name) DO UPDATE SET "
      "value = $2, unmanaged = true",
      row, sealed);
}

Task<void> Settings::forget_secret(std::string_view name) {
  const std::string row(name);
  co_await database_.query_repeatable("DELETE FROM config WHERE name = $1", row);
}

}  // namespace berth::manager
