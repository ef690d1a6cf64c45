// Taking an instance to another platform: what an admin asks, and what the platforms ask each other.
#pragma once

#include "api/instance.h"
#include "api/job.h"
#include "api/json.h"

namespace berth::api {

// Where the instance goes. The admin's password of that platform travels as all passwords do.
struct OtherPlatform {
  static constexpr std::string_view kName = "OtherPlatform";
  std::string url;  // wss://other.example.com/manager
  Password password;
  std::optional<std::string> fingerprint;  // SHA-256 of its certificate, which alone is trusted then
  bool insecure = false;                   // any certificate will do
  static constexpr auto fields() {
    return std::tuple(field("url", &OtherPlatform::url), field("password", &OtherPlatform::password),
                      field("fingerprint", &OtherPlatform::fingerprint),
                      with_default("insecure", &OtherPlatform::insecure));
  }
};

struct MoveInstanceResult {
  static constexpr std::string_view kMt = "MoveInstanceResult";
  std::vector<std::string> obstacles;  // why it cannot be done now; with one of them nothing is
  std::vector<std::string> remarks;    // what is good to know
  std::uint64_t bytes = 0;             // of the database
  std::string version;                 // of the other platform
  std::optional<Job> job;
  static constexpr auto fields() {
    return std::tuple(with_default("obstacles", &MoveInstanceResult::obstacles),
                      with_default("remarks", &MoveInstanceResult::remarks),
                      with_default("bytes", &MoveInstanceResult::bytes),
                      with_default("version", &MoveInstanceResult::version),
                      field("job", &MoveInstanceResult::job));
  }
};

// Both platforms are looked at first; with `checkOnly`, or if there are obstacles, nothing is begun.
struct MoveInstance {
  static constexpr std::string_view kMt = "MoveInstance";
  using Answer = MoveInstanceResult;
  std::string name;
  std::string domain;
  OtherPlatform to;
  bool check_only = false;
  static constexpr auto fields() {
    return std::tuple(field("name", &MoveInstance::name), field("domain", &MoveInstance::domain),
                      field("to", &MoveInstance::to), with_default("checkOnly", &MoveInstance::check_only));
  }
};

struct EndForwardResult {
  static constexpr std::string_view kMt = "EndForwardResult";
  static constexpr auto fields() { return std::tuple(); }
};

// Of an instance that has moved: requests for its path here are not passed on any more.
struct EndForward {
  static constexpr std::string_view kMt = "EndForward";
  using Answer = EndForwardResult;
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &EndForward::name), field("domain", &EndForward::domain));
  }
};

struct UndoMoveResult {
  static constexpr std::string_view kMt = "UndoMoveResult";
  static constexpr auto fields() { return std::tuple(); }
};

// The instance runs here again, with its data as they were when it left. The other platform is not asked: what was written
// there since stays there.
struct UndoMove {
  static constexpr std::string_view kMt = "UndoMove";
  using Answer = UndoMoveResult;
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &UndoMove::name), field("domain", &UndoMove::domain));
  }
};

// --- between the platforms; `token` names the move ---

struct PrepareArrivalResult {
  static constexpr std::string_view kMt = "PrepareArrivalResult";
  std::vector<std::string> obstacles;
  std::vector<std::string> remarks;  // what will be otherwise than it was
  std::string version;
  static constexpr auto fields() {
    return std::tuple(with_default("obstacles", &PrepareArrivalResult::obstacles),
                      with_default("remarks", &PrepareArrivalResult::remarks),
                      with_default("version", &PrepareArrivalResult::version));
  }
};

// Makes the instance with an empty database, which waits for its data: it does not start. Asking again is harmless.
struct PrepareArrival {
  static constexpr std::string_view kMt = "PrepareArrival";
  using Answer = PrepareArrivalResult;
  std::string token;
  std::string from;  // how people call the platform it comes from
  std::string service;
  std::string build;  // it runs with there: an older one would not know its data
  std::string name;
  std::string domain;
  std::string path;
  std::string database;
  std::string database_user;
  std::optional<Password> password;           // absent with `checkOnly`
  std::optional<Password> database_password;  // likewise
  std::uint64_t log_flags = 0;
  bool exclude_from_backup = false;
  bool isolated = false;
  std::optional<Json> limits;  // set for it: Limits, of which the platform takes what it knows
  bool wanted = true;          // it is to run once it is here
  std::uint64_t bytes = 0;     // of the database
  bool check_only = false;
  static constexpr auto fields() {
    return std::tuple(
        field("token", &PrepareArrival::token), with_default("from", &PrepareArrival::from),
        field("service", &PrepareArrival::service), with_default("build", &PrepareArrival::build),
        field("name", &PrepareArrival::name), field("domain", &PrepareArrival::domain),
        field("path", &PrepareArrival::path), field("database", &PrepareArrival::database),
        field("databaseUser", &PrepareArrival::database_user), field("password", &PrepareArrival::password),
        field("databasePassword", &PrepareArrival::database_password),
        with_default("logFlags", &PrepareArrival::log_flags),
        with_default("excludeFromBackup", &PrepareArrival::exclude_from_backup),
        with_default("isolated", &PrepareArrival::isolated), field("limits", &PrepareArrival::limits),
        with_default("wanted", &PrepareArrival::wanted), with_default("bytes", &PrepareArrival::bytes),
        with_default("checkOnly", &PrepareArrival::check_only));
  }
};

struct StartArrivalResult {
  static constexpr std::string_view kMt = "StartArrivalResult";
  static constexpr auto fields() { return std::tuple(); }
};

// Its data are all there: it starts, on trial. Unless it is confirmed in time it is stopped again.
struct StartArrival {
  static constexpr std::string_view kMt = "StartArrival";
  using Answer = StartArrivalResult;
  std::string name;
  std::string domain;
  std::string token;
  static constexpr auto fields() {
    return std::tuple(field("name", &StartArrival::name), field("domain", &StartArrival::domain),
                      field("token", &StartArrival::token));
  }
};

struct ConfirmArrivalResult {
  static constexpr std::string_view kMt = "ConfirmArrivalResult";
  static constexpr auto fields() { return std::tuple(); }
};

// The other platform has given it up: it is ours. Asking again is harmless.
struct ConfirmArrival {
  static constexpr std::string_view kMt = "ConfirmArrival";
  using Answer = ConfirmArrivalResult;
  std::string name;
  std::string domain;
  std::string token;
  static constexpr auto fields() {
    return std::tuple(field("name", &ConfirmArrival::name), field("domain", &ConfirmArrival::domain),
                      field("token", &ConfirmArrival::token));
  }
};

struct AbandonArrivalResult {
  static constexpr std::string_view kMt = "AbandonArrivalResult";
  static constexpr auto fields() { return std::tuple(); }
};

// It does not come: what was made for it goes. Asking again is harmless; kConflict once it is confirmed.
struct AbandonArrival {
  static constexpr std::string_view kMt = "AbandonArrival";
  using Answer = AbandonArrivalResult;
  std::string name;
  std::string domain;
  std::string token;
  static constexpr auto fields() {
    return std::tuple(field("name", &AbandonArrival::name), field("domain", &AbandonArrival::domain),
                      field("token", &AbandonArrival::token));
  }
};

}  // namespace berth::api
