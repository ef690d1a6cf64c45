// The webserver as the manager sees it: a supervised process that is told grants, certificate and settings.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "loop/loop.h"
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
  bool is_short_of_descriptors() const { return is_short_of_descriptors_; }
  // What it wrote since its last start, for "port taken" and the like.
  std::string last_words() const;

  Task<void> serve(ControlPeer& peer, json::Object hello);

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
  // Exit code of a webserver whose port belongs to somebody else (docs/webserver.md).
  static constexpr int kPortTaken = 98;

 private:
  struct Grant {
    std::string secret;  // hex
    uid_t uid = 0;
    bool is_recalled = false;  // nobody has set it since this manager began
  };
  Task<ProcessPlan> plan();
  void set_short_of_descriptors(bool is_short);
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
  ControlPeer* peer_ = nullptr;
  loop::Event ready_;
  int http_ = 0, https_ = 0;
  std::vector<std::string> link_sockets_;
  bool is_short_of_descriptors_ = false;
  std::uint64_t output_start_ = 0;
  std::string kept_;  // as it is on disk, before sealing
  loop::Timer keeping_;
  std::unique_ptr<SupervisedProcess> process_;
};

}  // namespace berth::manager
