#include "webserver/http/served_files.h"

namespace berth::webserver {

std::shared_ptr<ServedFiles> ServedBook::at(std::string_view path) {
  if (const auto found = all_.find(path); found != all_.end()) return found->second;
  if (all_.size() >= kMostForgotten)
    std::erase_if(all_, [](const auto& entry) { return entry.second.use_count() == 1; });
  return all_.emplace(path, std::make_shared<ServedFiles>()).first->second;
}

}  // namespace berth::webserver
