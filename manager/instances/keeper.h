// Backups that would be kept by what they are backups of (S207).
#pragma once

#include <functional>
#include <string>

#include "manager/instances/instances.h"
#include "net/url.h"

namespace berth::manager {

// The instance below whose path `url` is, if the URL is one of this platform's and the instance is backed up itself: kept
// there, backups grow without end. Null otherwise. `dns`: the platform's name.
const InstanceRow* find_keeper(const Instances& instances, const std::string& dns,
                               const std::function<bool(int port)>& is_own_port, const net::Url& url);

}  // namespace berth::manager
