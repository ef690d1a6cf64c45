#include "manager/services/service_repository.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "db/sql_failure.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

json::Object record_of(const db::Row& row) { return or_throw(json::parse_object(row.text("record"))); }

std::optional<std::string> or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

// Hash of a file on disk; nullopt if it is not there.
std::optional<std::string> hash_of_file(const std::string& path) {
  const auto content = read_file(path, std::size_t{1} << 31);
  if (!content) return std::nullopt;
  return sha256_hex(*content);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(folder.c_str());
  if (!directory) return names;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(directory);
  return names;
}

}  // namespace

json::Object format_service(const ServiceRow& row) {
  return {{"id", row.id},         {"title", row.title},     {"manufacturer", row.manufacturer},
          {"folder", row.folder}, {"program", row.program}, {"version", row.version},
          {"build", row.build},   {"label", row.label},     {"signer", row.signer},
          {"uid", row.uid},       {"wanted", row.wanted},   {"hello", row.hello},
          {"store", row.store}};
}

ServiceRow parse_service(const json::Object& object) {
  ServiceRow row;
  row.id = json::get_string(object, "id");
  row.title = json::get_string(object, "title");
  row.manufacturer = json::get_string(object, "manufacturer");
  row.folder = json::get_string(object, "folder");
  row.program = json::get_string(object, "program");
  row.version = json::get_string(object, "version");
  row.build = json::get_string(object, "build");
  row.label = json::get_string(object, "label");
  row.signer = json::get_string(object, "signer");
  row.uid = static_cast<uid_t>(json::get_integer(object, "uid"));
  row.wanted = json::get_bool(object, "wanted", true);
  if (const auto* hello = json::find_object(object, "hello")) row.hello = *hello;
  if (const auto* store = json::find_object(object, "store")) row.store = *store;
  return row;
}

json::Object format_service_file(const ServiceFile& file) {
  return {{"name", file.name}, {"mode", file.mode}, {"size", file.size}, {"sha256", file.sha256}};
}

ServiceFile parse_service_file(const json::Object& object) {
  return {json::get_string(object, "name"), static_cast<mode_t>(json::get_integer(object, "mode")),
          static_cast<std::uint64_t>(json::get_integer(object, "size")), json::get_string(object, "sha256")};
}

Task<std::vector<ServiceRow>> ServiceRepository::all() {
  const auto rows =
      co_await database_.query_repeatable("SELECT to_jsonb(service) AS record FROM service ORDER BY id");
  std::vector<ServiceRow> services;
  for (const auto row : rows) services.push_back(parse_service(record_of(row)));
  co_return services;
}

Task<std::optional<ServiceRow>> ServiceRepository::find(std::string id) {
  const auto rows = co_await database_.query_repeatable(
      "SELECT to_jsonb(service) AS record FROM service WHERE id = $1", id);
  if (rows.empty()) co_return std::nullopt;
  co_return parse_service(record_of(rows.front()));
}

Task<void> ServiceRepository::keep(ServiceRow row, std::string folder, std::vector<ServiceFile> files) {
  known_files_.erase({row.id, row.build});
  auto transaction = co_await database_.begin();
  const std::string hello = json::serialize(row.hello), store = json::serialize(row.store);
  const auto signer = or_null(row.signer);
  bool is_user_left = true;
  try {
    // A service that is there takes no number: the sequence counts whatever becomes of the row.
    co_await transaction.query(
        "INSERT INTO service (id, title, manufacturer, folder, program, version, build, label, signer, uid, "
        "wanted, hello, store) "
        "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, nextval('service_uid'), $10::boolean, $11::jsonb, "
        "$12::jsonb WHERE NOT EXISTS (SELECT FROM service WHERE id = $1)",
        row.id, row.title, row.manufacturer, row.folder, row.program, row.version, row.build, row.label,
        signer, row.wanted, hello, store);
  } catch (const db::SqlFailure& failure) {
    if (failure.sqlstate() != "2200H") throw;  // sequence_generator_limit_exceeded
    is_user_left = false;
  }
  if (!is_user_left)
    throw_failure(
        Errc::kConflict,
        "no user is left for {}: each of the numbers 70001 to 99999 is given to a service once, so "
        "that nothing of one that was removed belongs to another. A new platform has them all: move "
        "the instances there (berth instance move)",
        row.id);
  co_await transaction.query("DELETE FROM service_file WHERE service = $1 AND build = $2", row.id, row.build);
  for (const auto& file : files) {
    const std::string path = folder + "/" + file.name;
    const std::string content = or_throw(berth::read_file(path, std::size_t{1} << 31));
    if (content.size() != file.size || sha256_hex(content) != file.sha256)
      throw_failure(Errc::kMalformed, "{} changed on disk after it was checked", file.name);
    co_await transaction.query(
        "INSERT INTO service_file (service, build, name, mode, size, sha256) VALUES ($1, $2, $3, $4, $5, $6)",
        row.id, row.build, file.name, static_cast<int>(file.mode), file.size, file.sha256);
    int number = 0;
    for (std::size_t at = 0; at < content.size(); at += kChunk, ++number) {
      const auto part = as_bytes(std::string_view(content).substr(at, kChunk));
      co_await transaction.query(
          "INSERT INTO service_chunk (service, build, name, number, bytes) VALUES ($1, $2, $3, $4, $5)",
          row.id, row.build, file.name, number, part);
    }
  }
  co_await transaction.commit();
}

Task<void> ServiceRepository::use_build(ServiceRow row) {
  const std::string store = json::serialize(row.store);
  const auto signer = or_null(row.signer);
  co_await database_.query_repeatable(
      "UPDATE service SET title = $2, manufacturer = $3, folder = $4, program = $5, version = $6, build = "
      "$7, label = $8, "
      "signer = $9, store = $10::jsonb WHERE id = $1",
      row.id, row.title, row.manufacturer, row.folder, row.program, row.version, row.build, row.label, signer,
      store);
}

Task<void> ServiceRepository::forget_other_builds(std::string id, std::string build) {
  std::erase_if(known_files_,
                [&](const auto& one) { return one.first.first == id && one.first.second != build; });
  co_await database_.query_repeatable("DELETE FROM service_file WHERE service = $1 AND build <> $2", id,
                                      build);
}

Task<void> ServiceRepository::forget_build(std::string id, std::string build) {
  known_files_.erase({id, build});
  co_await database_.query_repeatable("DELETE FROM service_file WHERE service = $1 AND build = $2", id,
                                      build);
}

Task<void> ServiceRepository::remove(std::string id) {
  std::erase_if(known_files_, [&](const auto& one) { return one.first.first == id; });
  bool in_use = false;
  try {
    co_await database_.query_repeatable("DELETE FROM service WHERE id = $1", id);
  } catch (const db::SqlFailure& failure) {
    if (failure.sqlstate() != "23503") throw;  // foreign_key_violation
    in_use = true;
  }
  if (in_use)
    throw_failure(Errc::kConflict, "{} has instances (also those in the bin count): delete them first", id);
}

Task<void> ServiceRepository::set_wanted(std::string id, bool wanted) {
  co_await database_.query_repeatable("UPDATE service SET wanted = $2 WHERE id = $1", id, wanted);
}

Task<void> ServiceRepository::set_hello(std::string id, api::JsonObject hello) {
  const std::string text = json::serialize(hello);
  co_await database_.query_repeatable(
      "UPDATE service SET hello = $2::jsonb WHERE id = $1 AND hello <> $2::jsonb", id, text);
}

Task<std::vector<ServiceFile>> ServiceRepository::files(std::string id, std::string build) {
  const auto rows = co_await database_.query_repeatable(
      "SELECT to_jsonb(service_file) AS record FROM service_file WHERE service = $1 AND build = $2 ORDER BY "
      "name",
      id, build);
  std::vector<ServiceFile> files;
  for (const auto row : rows) files.push_back(parse_service_file(record_of(row)));
  co_return files;
}

Task<std::optional<Bytes>> ServiceRepository::read_file(std::string id, std::string build, std::string name) {
  const auto found = co_await database_.query_repeatable(
      "SELECT size FROM service_file WHERE service = $1 AND build = $2 AND name = $3", id, build, name);
  if (found.empty()) co_return std::nullopt;
  const auto size = found.front().get<std::size_t>(0);
  Bytes content;
  content.reserve(size);
  for (int number = 0; content.size() < size; ++number) {
    const auto part = co_await database_.query_bytes(
        "SELECT bytes FROM service_chunk WHERE service = $1 AND build = $2 AND name = $3 AND number = $4", id,
        build, name, number);
    if (!part || part->empty())
      throw_failure(Errc::kFailed, "{} of {} is incomplete in the database", name, id);
    content.insert(content.end(), part->begin(), part->end());
  }
  co_return content;
}

Task<void> ServiceRepository::write_out(std::string id, std::string build, std::string folder) {
  auto known = known_files_.find({id, build});
  if (known == known_files_.end()) {
    auto read = co_await this->files(id, build);
    if (read.empty())
      throw_failure(Errc::kNotFound, "no files of {} {} in the database: install it again", id, build);
    known = known_files_.insert_or_assign({id, build}, std::move(read)).first;
  }
  const auto files = known->second;  // a copy: others may run while we wait
  or_throw(make_directories(folder, 0755));
  std::set<std::string> wanted;
  for (const auto& file : files) {
    wanted.insert(file.name);
    const std::string path = folder + "/" + file.name;
    if (hash_of_file(path) == file.sha256) continue;
    const auto content = co_await read_file(id, build, file.name);
    if (!content || format_hex(sha256(*content)) != file.sha256)
      throw_failure(Errc::kFailed, "{} of {} is damaged in the database: install it again", file.name, id);
    or_throw(write_file_durably(path, as_text(*content), file.mode));
    log_info("file written", {{"service", id}, {"file", file.name}, {"bytes", content->size()}});
  }
  for (const auto& name : names_in(folder))
    if (!wanted.contains(name)) or_throw(remove_tree(folder + "/" + name));
}

}  // namespace berth::manager
