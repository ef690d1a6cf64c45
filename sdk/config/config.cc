#include "berth/config.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "db/database.h"

namespace berth::sdk {
namespace {

constexpr std::size_t kLongestName = 255;

struct Range {
  __int128 least, most;
};

Range range_of(const ConfigItem& item) {
  Range range{};
  switch (item.type) {
    case ConfigType::kInt:
      range = {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
      break;
    case ConfigType::kDword: range = {0, std::numeric_limits<std::uint32_t>::max()}; break;
    case ConfigType::kUlong64: range = {0, std::numeric_limits<std::uint64_t>::max()}; break;
    default:
      range = {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
      break;
  }
  if (item.min == 0 && item.max == 0) return range;
  return {std::max<__int128>(range.least, item.min), std::min<__int128>(range.most, item.max)};
}

// Whole text of digits with an optional '-'; saturates far outside of what any type holds.
std::optional<__int128> parse_wide(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  __int128 value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (value < (__int128{1} << 100)) value = value * 10 + (c - '0');
  }
  return is_negative ? -value : value;
}

std::string format_wide(__int128 value) {
  return value < 0 ? std::to_string(static_cast<std::int64_t>(value))
                   : std::to_string(static_cast<std::uint64_t>(value));
}

// The form in which a value is kept; numbers clamped.
Result<std::string> normalize(const ConfigItem& item, const std::string& text) {
  switch (item.type) {
    case ConfigType::kString:
      if (!is_valid_utf8(text) || text.find('\0') != std::string::npos)
        return fail(Errc::kMalformed, "{}: text in UTF-8 expected", item.name);
      return text;
    case ConfigType::kBool:
      if (text == "true" || text == "1") return std::string("true");
      if (text == "false" || text == "0") return std::string("false");
      return fail(Errc::kMalformed, "{}: true or false expected", item.name);
    case ConfigType::kChoice:
      if (std::find(item.choices.begin(), item.choices.end(), text) != item.choices.end()) return text;
      return fail(Errc::kMalformed, "{}: not one of the choices", item.name);
    default: {
      const auto value = parse_wide(text);
      if (!value) return fail(Errc::kMalformed, "{}: a whole number expected", item.name);
      const auto range = range_of(item);
      return format_wide(std::clamp(*value, range.least, range.most));
    }
  }
}

}  // namespace

Config::Config(db::Database& database, std::vector<ConfigItem> items)
    : database_(database), items_(std::move(items)) {
  for (auto& item : items_) {
    BERTH_CHECK(!item.name.empty() && item.name.size() <= kLongestName);
    if (item.type == ConfigType::kBool && item.default_value.empty()) item.default_value = "false";
    if (item.type == ConfigType::kChoice && item.default_value.empty() && !item.choices.empty())
      item.default_value = item.choices.front();
    if (item.type != ConfigType::kString && item.default_value.empty()) item.default_value = "0";
    const auto normal = normalize(item, item.default_value);
    BERTH_CHECK(normal);  // a default is a value of its type
    item.default_value = *normal;
  }
}

loop::Task<void> Config::load() {
  co_await database_.query_repeatable(
      "CREATE TABLE IF NOT EXISTS config "
      "(name varchar(255) PRIMARY KEY, value text NOT NULL, unmanaged boolean NOT NULL DEFAULT false)");
  const auto rows = co_await database_.query_repeatable("SELECT name, value FROM config");
  values_.clear();
  for (const auto row : rows) {
    const auto name = row.get<std::string>(0);
    const ConfigItem* item = find_item(name);
    if (!item) continue;  // of an older or newer program
    auto value = normalize(*item, row.get<std::string>(1));
    if (value && *value != item->default_value) values_[name] = std::move(*value);
  }
}

const ConfigItem* Config::find_item(std::string_view name) const {
  for (const auto& item : items_)
    if (item.name == name) return &item;
  return nullptr;
}

const std::string& Config::text(std::string_view name) const {
  if (const auto found = values_.find(name); found != values_.end()) return found->second;
  const ConfigItem* item = find_item(name);
  BERTH_CHECK(item);
  return item->default_value;
}

std::int64_t Config::number(std::string_view name) const {
  const auto value = parse_wide(text(name));
  BERTH_CHECK(value);
  return static_cast<std::int64_t>(*value);
}

bool Config::flag(std::string_view name) const { return text(name) == "true"; }

loop::Task<Result<void>> Config::write(std::map<std::string, std::string> values) {
  std::vector<std::pair<const ConfigItem*, std::string>> changes;
  for (auto& [name, value] : values) {
    const ConfigItem* item = find_item(name);
    if (!item) co_return fail(Errc::kNotFound, "no setting {}", name);
    auto normal = normalize(*item, value);
    if (!normal) co_return tl::unexpected(std::move(normal.error()));
    if (*normal != text(name)) changes.emplace_back(item, std::move(*normal));
  }
  if (changes.empty()) co_return Result<void>{};
  auto transaction = co_await database_.begin();
  for (const auto& [item, value] : changes) {
    if (value == item->default_value) {
      co_await transaction.query("DELETE FROM config WHERE name = $1", item->name);
    } else {
      co_await transaction.query(
          "INSERT INTO config (name, value, unmanaged) VALUES ($1, $2, $3) "
          "ON CONFLICT (name) DO UPDATE SET value = excluded.value, unmanaged = excluded.unmanaged",
          item->name, value, item->is_unmanaged);
    }
  }
  co_await transaction.commit();
  std::vector<std::string> names;
  for (auto& [item, value] : changes) {
    names.push_back(item->name);
    if (value == item->default_value) values_.erase(item->name);
    else values_[item->name] = std::move(value);
  }
  for (const auto& call : changed_) call(names);
  co_return Result<void>{};
}

}  // namespace berth::sdk
