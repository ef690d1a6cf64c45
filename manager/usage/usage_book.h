// From counters to what is entered for a day: each thing once, whoever is started again meanwhile. Pure.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "manager/usage/usage_figures.h"
#include "wire/json/json.h"

namespace berth::manager {

// What a service told at one moment, and the kernel of its process.
struct MeasuredService {
  std::string name;     // of the process; counts are continued by it
  std::string service;  // id
  std::string process;  // another text for each run of the process
  std::int64_t cpu_us = 0;
  std::int64_t memory_bytes = 0;
  json::Object counters;  // its answer to GetCounters
};

// Owned by Usage.
class UsageBook {
 public:
  // Longer gaps between two measurements count as so long: nobody knows what was there meanwhile.
  static constexpr std::chrono::seconds kLongestGap{120};
  // An idle instance takes as much memory as so many sessions (sdk/README.md): the weights by which a service's memory is
  // divided among its instances.
  static constexpr std::int64_t kInstanceWeight = 17;

  struct Key {
    std::string day, domain, name;
    auto operator<=>(const Key&) const = default;
  };
  struct Row {
    std::string service;
    UsageFigures figures;
  };
  using Rows = std::map<Key, Row>;

  // What marks() gave when the rows were written.
  void restore(const json::Object& marks);
  json::Object marks() const;

  // Adds what each of the instances of `service` used since it was measured last, to `day`. Its CPU time goes to them in proportion
  // to the time it worked for each, evenly if it does not tell; its memory in proportion to their sessions.
  void add(const MeasuredService& service, std::chrono::sys_seconds now, const std::string& day);
  // What a webserver has served of files alone since it began (`run`: another text for each): adds what came since it was told
  // last. `instances`: whose paths they are; what is nobody's is not entered.
  struct FilesOf {
    std::string name, domain, service;
  };
  void add_files(const std::string& run, const json::Array& files,
                 const std::map<std::string, FilesOf>& instances, std::chrono::sys_seconds now,
                 const std::string& day);
  // The size of an instance's database.
  void add_database(const std::string& name, const std::string& domain, const std::string& service,
                    std::int64_t bytes, const std::string& day);

  // What has to be written; from then on it is the caller's.
  Rows take() { return std::exchange(rows_, {}); }

 private:
  struct InstanceMark {
    std::string run;
    std::map<std::string, std::int64_t> counters;
  };
  struct ServiceMark {
    std::string process;
    std::int64_t cpu_us = 0;
    std::int64_t at = 0;                            // seconds since 1970
    std::map<std::string, InstanceMark> instances;  // by name@domain
  };
  struct FilesMark {
    std::int64_t requests = 0, bytes = 0;
  };
  struct WebserverMark {
    std::int64_t at = 0;                     // seconds since 1970
    std::map<std::string, FilesMark> paths;  // that were told
  };
  static constexpr std::size_t kMostWebservers = 8;  // one that serves, and those that drain
  void restore_webservers(const json::Object& told);
  json::Object webserver_marks() const;
  std::map<std::string, ServiceMark> marks_;
  std::map<std::string, WebserverMark> webservers_;  // by run
  Rows rows_;
};

}  // namespace berth::manager
