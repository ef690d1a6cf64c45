#include "archive/manifest.h"

#include <algorithm>

#include "base/utc.h"
#include "wire/json/json.h"

namespace berth::archive {
namespace {

constexpr std::int64_t kFormat = 1;
// A thousand instances make some 400 kB.
constexpr json::Limits kLimits{.size_bytes = 256 << 20, .depth = 8};

json::Object to_json(const CopiedFiles& files) {
  json::Array groups, large;
  for (const auto& group : files.groups)
    groups.push_back(json::Object{{"database", group.database},
                                  {"object", group.object},
                                  {"fingerprint", group.fingerprint},
                                  {"bytes", group.bytes},
                                  {"storedBytes", group.stored_bytes}});
  for (const auto& file : files.large_files)
    large.push_back(json::Object{{"database", file.database}, {"path", file.path}, {"bytes", file.bytes}});
  return json::Object{
      {"groups", std::move(groups)}, {"largeFiles", std::move(large)}, {"newBytes", files.new_bytes}};
}

std::uint64_t unsigned_of(const json::Object& object, std::string_view name) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(json::get_integer(object, name), 0));
}

Result<std::uint32_t> oid_of(const json::Object& object, std::string_view name) {
  BERTH_TRY(const auto value, json::require_integer(object, name, 0, 0xffffffff));
  return static_cast<std::uint32_t>(value);
}

// Names of files are put together with a folder: they must not leave it.
Result<std::string> plain_name(const json::Object& object, std::string_view name) {
  BERTH_TRY(auto text, json::require_string(object, name, 200));
  if (text.empty() || text.front() == '.' || text.find('/') != std::string::npos)
    return fail(Errc::kMalformed, "'{}': a plain file name expected", name);
  return text;
}

Result<CopiedFiles> read_copied_files(const json::Object& object) {
  CopiedFiles files;
  files.new_bytes = unsigned_of(object, "newBytes");
  BERTH_TRY(const auto* groups, json::require_array(object, "groups"));
  for (const auto& value : *groups) {
    if (!value.is_object()) return fail(Errc::kMalformed, "'groups': objects expected");
    const auto& one = value.get_object();
    FileGroup group;
    BERTH_TRY(group.database, oid_of(one, "database"));
    BERTH_TRY(group.object, plain_name(one, "object"));
    group.fingerprint = json::get_string(one, "fingerprint");
    group.bytes = unsigned_of(one, "bytes");
    group.stored_bytes = unsigned_of(one, "storedBytes");
    files.groups.push_back(std::move(group));
  }
  BERTH_TRY(const auto* large, json::require_array(object, "largeFiles"));
  for (const auto& value : *large) {
    if (!value.is_object()) return fail(Errc::kMalformed, "'largeFiles': objects expected");
    const auto& one = value.get_object();
    LargeFile file;
    BERTH_TRY(file.database, oid_of(one, "database"));
    BERTH_TRY(file.path, json::require_string(one, "path", 200));
    if (!file.path.starts_with("base/") || file.path.find("..") != std::string::npos)
      return fail(Errc::kMalformed, "'path': a file of a database expected");
    file.bytes = unsigned_of(one, "bytes");
    files.large_files.push_back(std::move(file));
  }
  return files;
}

Result<std::chrono::sys_seconds> moment_of(const json::Object& object, std::string_view name) {
  const auto moment = parse_utc(json::get_string(object, name));
  if (!moment) return fail(Errc::kMalformed, "'{}': a time expected", name);
  return *moment;
}

Result<SegmentName> segment_of(const json::Object& object, std::string_view name) {
  const auto segment = parse_segment_name(json::get_string(object, name));
  if (!segment) return fail(Errc::kMalformed, "'{}': a log segment expected", name);
  return *segment;
}

}  // namespace

std::uint64_t CopiedFiles::bytes_of(std::uint32_t database) const {
  std::uint64_t sum = 0;
  for (const auto& group : groups)
    if (group.database == database) sum += group.bytes;
  return sum;
}

std::uint64_t CopiedFiles::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& group : groups) sum += group.bytes;
  return sum;
}

std::string format_copied_files(const CopiedFiles& files) { return json::serialize(to_json(files)); }

Result<CopiedFiles> parse_copied_files(std::string_view text) {
  BERTH_TRY(const auto object, json::parse_object(text, kLimits));
  return read_copied_files(object);
}

std::string format_manifest(const Manifest& manifest) {
  json::Array databases, instances;
  for (const auto& database : manifest.databases)
    databases.push_back(json::Object{{"oid", database.oid}, {"name", database.name}});
  for (const auto& instance : manifest.instances)
    instances.push_back(json::Object{{"name", instance.name},
                                     {"domain", instance.domain},
                                     {"created", instance.created},
                                     {"database", instance.database}});
  return json::serialize(json::Object{{"format", kFormat},
                                      {"id", manifest.id},
                                      {"system", manifest.system},
                                      {"started", format_utc(manifest.started)},
                                      {"stopped", format_utc(manifest.stopped)},
                                      {"startSegment", format_segment_name(manifest.start)},
                                      {"stopSegment", format_segment_name(manifest.stop)},
                                      {"label", manifest.label},
                                      {"databases", std::move(databases)},
                                      {"instances", std::move(instances)},
                                      {"files", to_json(manifest.files)}});
}

Result<Manifest> parse_manifest(std::string_view text) {
  BERTH_TRY(const auto object, json::parse_object(text, kLimits));
  const auto format = json::get_integer(object, "format");
  if (format > kFormat) return fail(Errc::kUnsupported, "written by a newer platform");
  if (format < 1) return fail(Errc::kMalformed, "not a base backup");
  Manifest manifest;
  BERTH_TRY(manifest.id, plain_name(object, "id"));
  BERTH_TRY(manifest.system, json::require_string(object, "system", 20));
  BERTH_TRY(manifest.started, moment_of(object, "started"));
  BERTH_TRY(manifest.stopped, moment_of(object, "stopped"));
  BERTH_TRY(manifest.start, segment_of(object, "startSegment"));
  BERTH_TRY(manifest.stop, segment_of(object, "stopSegment"));
  BERTH_TRY(manifest.label, json::require_string(object, "label", 65536));
  if (const auto* list = json::find_array(object, "databases"))
    for (const auto& value : *list) {
      if (!value.is_object()) return fail(Errc::kMalformed, "'databases': objects expected");
      BaseDatabase database;
      BERTH_TRY(database.oid, oid_of(value.get_object(), "oid"));
      database.name = json::get_string(value.get_object(), "name");
      manifest.databases.push_back(std::move(database));
    }
  if (const auto* list = json::find_array(object, "instances"))
    for (const auto& value : *list) {
      if (!value.is_object()) return fail(Errc::kMalformed, "'instances': objects expected");
      const auto& one = value.get_object();
      manifest.instances.push_back({json::get_string(one, "name"), json::get_string(one, "domain"),
                                    json::get_string(one, "created"), json::get_string(one, "database")});
    }
  BERTH_TRY(const auto* files, json::require_object(object, "files"));
  BERTH_TRY(manifest.files, read_copied_files(*files));
  return manifest;
}

}  // namespace berth::archive
