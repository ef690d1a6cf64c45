// What the manager tells the webserver (docs/protocols/control.md, "Webserver ↔ manager").
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "webserver/config/limits.h"
#include "wire/link/frame.h"

namespace berth::webserver {

// Who may attach where: the peer with this uid that shows `secret`, at `path` or below it.
struct Grant {
  link::Grant secret{};
  std::string path;
  uid_t uid = 0;
};

struct Config {
  std::vector<std::string>
      certificates;         // each a chain and its key; the first is for names that no other has
  bool compact_tls = true;  // own record layer after a handshake of TLS 1.3; for new connections
  bool redirect_https = false;
  bool access_log = false;
  bool waits = false;  // its role is not "serving": whom it accepts stays as it is
  Limits limits;
  std::vector<Grant> grants;
};

// Members of `WebserverConfig`; those that are absent have their defaults. kMalformed names the member.
Result<Config> parse_config(const json::Object& message);
// `certificates`: [PEM…] of a message, or its `certificate`, which is one.
Result<std::vector<std::string>> parse_certificates(const json::Object& message);
// {grant: 64 hex digits, path, uid}.
Result<Grant> parse_grant(const json::Object& message);

}  // namespace berth::webserver
