// The listening sockets of a webserver that runs, for the one that follows it (docs/protocols/control.md, "A webserver
// follows another").
#pragma once

#include "webserver/daemon.h"

namespace berth::webserver {

// Reads one message a reactor, up to the end of the SOCK_SEQPACKET socket `fd`, which is closed then. kMalformed if they
// are not what Daemon::Bound needs.
Result<Daemon::Bound> take_listeners(int fd);

}  // namespace berth::webserver
