#include "manager/instances/keeper.h"

#include <algorithm>

#include "manager/settings/certificate.h"

namespace berth::manager {

const InstanceRow* find_keeper(const Instances& instances, const std::string& dns,
                               const std::function<bool(int port)>& is_own_port, const net::Url& url) {
  const auto names = own_names(dns);
  if (std::find(names.begin(), names.end(), url.host) == names.end() || !is_own_port(url.port))
    return nullptr;
  for (const auto& [key, row] : instances.all()) {
    if (row.is_deleted() || !row.is_in_backups()) continue;
    if (url.target == row.path || url.target.starts_with(row.path + "/")) return &row;
  }
  return nullptr;
}

}  // namespace berth::manager
