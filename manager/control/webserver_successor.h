// Starting a webserver that follows a running one: it gets that one's listening sockets instead of binding its own
// (docs/protocols/control.md, "A webserver follows another").
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "manager/control/control_server.h"
#include "manager/supervise/supervised_process.h"

namespace berth::manager {

// Of one reactor: http and https where there are such ports, and that for links.
struct Listeners {
  int http = 0, https = 0;  // ports
  std::vector<UniqueFd> sockets;
};

// Those of all reactors of a webserver. `peer` gives its connection, each time anew, or throws. Throws Failure.
Task<std::vector<Listeners>> fetch_listeners(std::function<ControlPeer&()> peer);
// The end of a socket for the successor's --listeners, with all of them in it. Throws Failure.
UniqueFd post_listeners(std::vector<Listeners> listeners);

// What `program --version` says; proves that it can run. Throws Failure with what is wrong.
Task<std::string> check_webserver(loop::Loop& loop, std::string program);
// Whether the file at `program` is another one than that which `pid` runs.
bool is_another_program(pid_t pid, const std::string& program);

}  // namespace berth::manager
