// Targets, policies and sets as the manager's database keeps them. Values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/json.h"
#include "db/database.h"
#include "manager/backup/backup.h"
#include "manager/sets/retention.h"
#include "manager/settings/secret_box.h"

namespace berth::manager {

struct TargetRow {
  std::string name;
  std::string kind;   // directory, sftp, s3, webdav, dropbox
  std::string place;  // a folder, or a URL
  // What is told to whom may see targets (user, hostKey, region, publicKey, …), and what is not (key, password, …).
  std::map<std::string, std::string> options, secrets;
  bool append_only = false;
  std::string created, made, tested;  // ISO 8601 UTC; made empty: no repository there yet
  std::string error;                  // of the last try; empty: it went well
};

// What a policy backs up.
enum class Scope : std::uint8_t { kAll, kDomain, kInstance, kManager };
std::string_view name_of(Scope scope);
std::optional<Scope> parse_scope(std::string_view word);

struct PolicyRow {
  std::string name, target;
  Scope scope = Scope::kAll;  // kAll: with the manager's own database
  std::string instance, domain;
  std::vector<std::string> excluded;  // name@domain, beside those that exclude themselves
  std::string schedule;
  KeepRules keep;
  bool enabled = true;
  bool verify = true;        // read everything back
  std::string created, due;  // ISO 8601 UTC; due empty: never
};

enum class SetState : std::uint8_t { kRunning, kGood, kPartial, kFailed, kDamaged };
std::string_view name_of(SetState state);
std::optional<SetState> parse_set_state(std::string_view word);

struct SetRow {
  std::string id;              // "20261122-160512-3fa9"
  std::string policy, target;  // may be gone meanwhile
  std::string job;
  SetState state = SetState::kRunning;
  std::string started, ended, verified;  // ISO 8601 UTC
  std::string manifest;                  // id of set.json at the target; empty: the set has no end
  std::string error;
};

enum class ItemState : std::uint8_t { kWaiting, kWritten, kFailed, kDamaged };
std::string_view name_of(ItemState state);
std::optional<ItemState> parse_item_state(std::string_view word);

// One of an instance, or of the manager's own database: that has neither name nor domain, and no instance is without a
// name.
struct ItemRow {
  std::string set, name, domain;
  std::string service, build, label, path, database;
  std::string object;  // id at the target
  std::uint64_t bytes = 0;
  std::uint64_t estimate = 0;  // size of the database when the set began
  std::string sha256;          // of the file without its end mark
  RowCounts rows;
  ItemState state = ItemState::kWaiting;
  std::string error;
  std::string written, verified;  // ISO 8601 UTC
  bool is_manager() const { return name.empty(); }
  std::string key() const { return name.empty() ? "manager" : name + "@" + domain; }
  std::string file() const { return key() + ".dump"; }
};

// What the drills of an instance showed.
struct ProofRow {
  std::string name, domain;
  std::string set;      // of the last drill
  std::string drilled;  // ISO 8601 UTC
  std::string error;    // of the last drill; empty: it went well
  std::string proven;   // the last that went well; empty: none yet
  std::uint64_t proven_ms = 0;
  std::string key() const { return name.empty() ? "manager" : name + "@" + domain; }
};

// Owned by the manager's main.
class SetStore {
 public:
  SetStore(db::Database& database, const SecretBox& box) : database_(database), box_(box) {}

  Task<std::vector<TargetRow>> targets();
  Task<TargetRow> target(std::string name);  // Failure(kNotFound)
  Task<void> put_target(TargetRow row);      // new or changed
  Task<void> remove_target(std::string name);
  Task<void> target_tried(std::string name, std::string error);
  Task<void> target_made(std::string name);

  Task<std::vector<PolicyRow>> policies();
  Task<PolicyRow> policy(std::string name);  // Failure(kNotFound)
  Task<void> put_policy(PolicyRow row);
  Task<void> remove_policy(std::string name);
  Task<void> set_due(std::string name, std::string due);

  Task<void> add_set(SetRow row, std::vector<ItemRow> items);  // harmless if it is there
  Task<void> put_set(SetRow row);
  Task<SetRow> set(std::string id);                                       // Failure(kNotFound)
  Task<std::vector<SetRow>> sets(std::string policy, std::size_t limit);  // newest first; empty policy: all
  Task<void> remove_sets(std::vector<std::string> ids);
  Task<std::vector<ItemRow>> items(std::string set);  // the smallest database first
  Task<ItemRow> item(std::string set, std::string name, std::string domain);
  Task<void> put_item(ItemRow row);
  Task<void> remove_item(ItemRow row);
  // The newest written one of each instance and of the manager, whichever policy it is of.
  Task<std::vector<ItemRow>> newest_items();
  Task<std::vector<ProofRow>> proofs();
  // `error` empty: proven, in so many milliseconds.
  Task<void> add_proof(ItemRow item, std::string error, std::uint64_t milliseconds);

 private:
  TargetRow read_target(const db::Row& row) const;
  db::Database& database_;
  const SecretBox& box_;
};

}  // namespace berth::manager
