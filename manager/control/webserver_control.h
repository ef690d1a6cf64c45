// The webserver as the manager sees it: a supervised process that is told grants, certificate and settings.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "loop/loop.h"
#include "loop/process.h"
#include "manager/control/control_server.h"
#include "manager/control/health_watch.h"
#include "manager/platform/layout.h"
#include "manager/settings/secret_box.h"
#include "manager/supervise/supervised_process.h"

namespace berth::manager {

struct WebserverOptions {
  std::string program;            // berth-webserver
  int http = 8080, https = 8443;  // 0: any free port, -1: none
  std::string bind;               // address; empty: all
  uid_t uid = 0;                  // as which it goes on; 0: the manager's
};

// Owned by the manager's main. Its configuration is kept here whole, so that a new webserver gets it at once; and
// sealed on disk, so that a new manager can give it to one before the database answers.
class WebserverControl {
 public:
  WebserverControl(loop::Loop& loop, ProcessTable& table, const Layout& layout, const SecretBox& box,
                   WebserverOptions options);
  ~WebserverControl();

  SupervisedProcess& process() { return *process_; }
  const SupervisedProcess& process() const { return *process_; }
  std::function<void()> changed;
  std::function<HealthLimits()> health = [] { return HealthLimits{}; };
  std::function<void(const Death&)> died;  // may be empty
  // Set while a webserver has our configuration in force.
  loop::Event& ready() { return ready_; }
  int http() const { return http_; }  // bound ports, 0: none
  int https() const { return https_; }
  const std::vector<std::string>& link_sockets() const { return link_sockets_; }
  // It has no descriptors left for new clients, as it says itself; false while none is there.
  bool is_short_of_descriptors() const { return primary_ && primary_->is_short; }
  // What it wrote since its last start, for "port taken" and the like.
  std::string last_words() const;

  // Is it one of ours: the one that serves, its successor to be, or one that drains?
  bool knows(pid_t pid) const;
  Task<void> serve(ControlPeer& peer, json::Object hello);

  // --- a webserver follows another ---

  // One that has handed over and serves the connections it still has.
  struct Drain {
    pid_t pid = 0;
    std::string name;  // in the process table and the status: "webserver-4711"
    std::string started_at;
    std::uint64_t connections = 0, websockets = 0;
    std::string until;
    std::unique_ptr<loop::ProcessWatch> watch;
    bool is_ended_by_us = false;
  };
  const std::map<pid_t, std::unique_ptr<Drain>>& draining() const { return draining_; }
  struct Replaced {
    std::string version;
    std::uint64_t websockets = 0;
  };
  // Starts a webserver from the program that is now at its path, which takes all new connections; the old one drains for
  // `limit` at most. No connection is refused or lost at any moment. Throws Failure, and then the old one serves as before:
  // kUnavailable (there is none), kConflict (one is being replaced, or kMostDraining drain), kUnsupported, kFailed, kTimeout.
  Task<Replaced> replace(std::chrono::seconds limit);
  static constexpr std::size_t kMostDraining = 4;
  bool is_replacing() const { return !settled_.is_set(); }
  // Set while replace() is not under way.
  loop::Event& settled() { return settled_; }
  // Its program was exchanged since it was started.
  bool has_newer_program() const;
  // What an earlier manager left half-way, once the table is loaded and before process().start(): those that drain are
  // watched, and there is one webserver that serves.
  void adopt_others();
  // All of them.
  Task<void> stop();
  // Of those that drain, in case that the setting changed.
  std::function<std::chrono::seconds()> drain_limit = [] { return std::chrono::seconds(4 * 3600); };

  // The whole state, as WebserverConfig tells it.
  json::Object configuration() const;

  // Takes over what the last manager told the webserver; false if there is nothing (left), for example at the first start.
  bool recall();
  // All grants have been set anew from the database: those that were only recalled are taken back.
  Task<void> forget_unconfirmed();

  // Take effect at once if a webserver is there, else with its hello. Throws Failure if the webserver
  // refuses; a webserver that goes away meanwhile gets all of it again by itself.
  Task<void> set_grant(std::string path, std::string grant, uid_t uid);
  Task<void> remove_grant(std::string path);
  Task<void> set_certificates(std::vector<std::string> chains);  // each PEM with its key
  struct Switches {
    bool redirect_https = false, access_log = false, compact_tls = true;
  };
  void set_options(Switches switches, json::Object limits);
  Task<json::Object> counters();
  // With each answer about counters, of the one that serves and of those that drain: whose they are (another text for
  // each webserver) and what it has served of files alone since it began: [{path, requests, bytesOut}].
  std::function<void(const std::string& run, const json::Array& files)> served_files;
  // Exit code of a webserver whose port belongs to somebody else (docs/webserver.md).
  static constexpr int kPortTaken = 98;

 private:
  struct Grant {
    std::string secret;  // hex
    uid_t uid = 0;
    bool is_recalled = false;  // nobody has set it since this manager began
  };
  // A control connection; lives in the frame of serve().
  struct Line {
    ControlPeer& peer;
    pid_t pid;
    int http, https;
    std::vector<std::string> link_sockets;
    bool hands_over;
    bool is_ready = false, is_short = false;
  };
  struct Successor;
  Task<ProcessPlan> plan();
  void begin_line(Line& line);
  void end_line(Line& line);
  void set_primary(Line* line);
  bool is_successor(pid_t pid) const;
  std::string_view role_of(pid_t pid) const;
  json::Object configuration_for(pid_t pid) const;
  void end_hung(pid_t pid, std::string why);
  void received(Line& line, const json::Object& message);
  void set_short_of_descriptors(Line& line, bool is_short);
  // Of one that drains.
  Task<void> look_after(Line& line);
  void note_end(pid_t pid, const json::Object& told);
  bool note_counts(pid_t pid, const json::Object& counted);
  void note_files(json::Object& counted);  // and takes them out
  Task<void> watch_drain(Drain& drain);
  void add_drain(ProcessRecord record);
  // The steps of replace().
  Task<void> start_successor(std::vector<UniqueFd> listeners);
  Task<void> wait_until_ready();
  Task<void> wait_until_followed();
  Task<void> prepare_successor();
  Task<void> give_up_successor();
  Task<void> promote_successor(std::chrono::seconds limit, Replaced& replaced);
  std::optional<ProcessRecord> find_successor();
  void keep_soon();
  void keep();
  Task<void> tell(json::Object change);
  loop::Loop& loop_;
  const Layout& layout_;
  const SecretBox& box_;
  WebserverOptions options_;
  std::map<std::string, Grant> grants_;
  std::vector<std::string> certificates_;
  Switches switches_;
  json::Object limits_;
  ProcessTable& table_;
  std::map<pid_t, Line*> lines_;
  Line* primary_ = nullptr;  // of the one that serves
  std::unique_ptr<Successor> successor_;
  loop::Event settled_{loop_};
  std::map<pid_t, std::unique_ptr<Drain>> draining_;
  loop::Event moved_;  // something of lines or successor changed
  loop::Event ready_;
  int http_ = 0, https_ = 0;
  std::vector<std::string> link_sockets_;
  std::uint64_t output_start_ = 0;
  std::string kept_;  // as it is on disk, before sealing
  loop::Timer keeping_;
  loop::Deferred adopted_;
  loop::TaskGroup tasks_;
  std::unique_ptr<SupervisedProcess> process_;
};

}  // namespace berth::manager
