#include "manager/sets/manifest.h"

#include "base/bytes.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr std::int64_t kFormat = 1;

json::Object format_item(const ItemRow& item) {
  json::Object rows;
  for (const auto& [table, count] : item.rows) rows[table] = count;
  return {{"name", item.name},         {"domain", item.domain}, {"service", item.service},
          {"build", item.build},       {"label", item.label},   {"path", item.path},
          {"database", item.database}, {"file", item.file()},   {"object", item.object},
          {"bytes", item.bytes},       {"sha256", item.sha256}, {"written", item.written},
          {"rows", std::move(rows)}};
}

Result<ItemRow> parse_item(const json::Object& object, const std::string& set) {
  ItemRow item;
  item.set = set;
  BERTH_TRY(item.name, json::require_string(object, "name", 1024));
  BERTH_TRY(item.domain, json::require_string(object, "domain", 1024));
  item.service = json::get_string(object, "service");
  item.build = json::get_string(object, "build");
  item.label = json::get_string(object, "label");
  item.path = json::get_string(object, "path");
  item.database = json::get_string(object, "database");
  BERTH_TRY(item.object, json::require_string(object, "object", 4096));
  BERTH_TRY(const auto bytes, json::require_integer(object, "bytes", 0));
  item.bytes = item.estimate = static_cast<std::uint64_t>(bytes);
  BERTH_TRY(item.sha256, json::require_string(object, "sha256", 64));
  item.written = json::get_string(object, "written");
  item.state = ItemState::kWritten;
  if (const auto* rows = json::find_object(object, "rows"))
    for (const auto& row : *rows) {
      const auto* number = row.value().if_int64();
      if (!row.value().is_uint64() && (!number || *number < 0))
        return fail(Errc::kMalformed, "rows of {}: a number is expected", std::string_view(row.key()));
      item.rows[row.key()] = row.value().to_number<std::uint64_t>();
    }
  return item;
}

}  // namespace

std::string format_manifest(const Manifest& manifest) {
  json::Array items;
  for (const auto& item : manifest.items) items.emplace_back(format_item(item));
  json::Object object{{"berthSet", kFormat},
                      {"id", manifest.id},
                      {"policy", manifest.policy},
                      {"started", manifest.started},
                      {"platform", json::Object{{"version", manifest.platform_version},
                                                {"build", manifest.platform_build},
                                                {"architecture", manifest.architecture},
                                                {"dns", manifest.dns}}},
                      {"items", std::move(items)}};
  if (!manifest.platform_key.empty()) object["platformKey"] = format_base64(as_bytes(manifest.platform_key));
  return json::serialize(object);
}

Result<Manifest> parse_manifest(std::string_view json_text) {
  BERTH_TRY(const auto object, json::parse_object(json_text, {.size_bytes = 256 << 20}));
  BERTH_TRY(const auto format, json::require_integer(object, "berthSet", 1));
  if (format > kFormat)
    return fail(Errc::kUnsupported,
                "the set was written by a newer platform (format {}): update this one first", format);
  Manifest manifest;
  BERTH_TRY(manifest.id, json::require_string(object, "id", 64));
  manifest.policy = json::get_string(object, "policy");
  manifest.started = json::get_string(object, "started");
  if (const auto* platform = json::find_object(object, "platform")) {
    manifest.platform_version = json::get_string(*platform, "version");
    manifest.platform_build = json::get_string(*platform, "build");
    manifest.architecture = json::get_string(*platform, "architecture");
    manifest.dns = json::get_string(*platform, "dns");
  }
  if (const auto key = json::find_string(object, "platformKey")) {
    const auto bytes = parse_base64(*key);
    if (!bytes || bytes->size() != 32)
      return fail(Errc::kMalformed, "platformKey: 32 bytes in base64 are expected");
    manifest.platform_key = as_text(*bytes);
  }
  BERTH_TRY(const auto* items, json::require_array(object, "items"));
  for (const auto& one : *items) {
    if (!one.is_object()) return fail(Errc::kMalformed, "items: an object is expected");
    BERTH_TRY(auto item, parse_item(one.get_object(), manifest.id));
    manifest.items.push_back(std::move(item));
  }
  return manifest;
}

}  // namespace berth::manager
