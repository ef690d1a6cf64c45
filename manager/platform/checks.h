// What an admin should know or do, told from facts: each finding with why it matters and its remedy.
// Pure, so that every finding can be tested without a platform.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/commands.h"
#include "api/status.h"
#include "sandbox/layer.h"

namespace berth::manager {

// What the findings are told from. A default value stands for "nothing to find".
struct CheckFacts {
  struct Process {
    std::string name;
    std::string state;   // as a word
    std::string detail;  // may be empty
    bool is_starting = false;
  };
  struct Service {
    std::string id, title;
    bool is_signed = true;
    std::vector<sandbox::LayerState> sandbox;  // empty: not reported
  };
  struct Certificate {
    bool is_self_signed = false;
    std::chrono::system_clock::time_point not_after;
  };
  // One that is made, is not in the bin and belongs into backups.
  struct Instance {
    std::string key;
    std::chrono::system_clock::time_point created;
    std::optional<std::chrono::system_clock::time_point> backed_up;
    std::optional<std::chrono::system_clock::time_point> proven;  // the last drill that went well
    std::string drill_error;  // of the last drill; empty: none, or it went well
  };
  struct BackupTarget {
    std::string name;
    std::string error;  // of the last try
  };

  std::chrono::system_clock::time_point now;
  std::vector<Process> down;        // wanted, but not running
  bool is_webserver_short = false;  // of descriptors: new clients wait
  bool is_root = true;
  bool developer_mode = false;
  bool app_security_off = false;
  std::vector<Service> services;
  std::vector<std::string> weaker;  // services that may run without a required layer of their sandbox
  std::optional<Certificate> certificate;
  std::vector<Instance> instances;
  std::int64_t backup_days = 0;  // an instance without a backup that young is a finding; 0: none is
  api::CommandFileReport commands;
  std::vector<std::string> not_optimised;  // databases that the last run of the night failed for
  std::map<std::string, std::string>
      taken;                    // instances whose external database another platform took: its name
  std::int64_t drill_days = 0;  // an instance without a drill that young that went well is one; 0: none is
  std::vector<BackupTarget> backup_targets;  // that an enabled policy writes to
  bool has_backup_sets = false, keys_were_shown = true;
  std::vector<api::Check> others;  // found elsewhere
  std::set<std::string> accepted;  // ids of findings that an admin knows
};

// The findings, the worst first. An accepted one is told too, marked; errors and dead processes cannot be accepted.
std::vector<api::Check> find_checks(const CheckFacts& facts);

}  // namespace berth::manager
