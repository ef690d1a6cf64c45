#include "manager/platform/own_mac.h"

#include <dirent.h>

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace berth::manager {

std::string own_mac() {
  DIR* directory = ::opendir("/sys/class/net");
  if (!directory) return {};
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    const auto address = read_file("/sys/class/net/" + name + "/address", 64);
    if (!address) continue;
    std::string mac;
    for (const char c : trim(*address))
      if (c != ':') mac += c;
    if (mac.size() != 12 || mac == "000000000000") continue;
    BERTH_LOG(kEthernet, "hardware address", {"interface", name}, {"mac", mac});
    return mac;
  }
  return {};
}

}  // namespace berth::manager
