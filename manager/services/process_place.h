// Where a process of a service lives, and what it is called.
#pragma once

#include <string>

#include "manager/platform/layout.h"

namespace berth::manager {

// An instance that has a process of its own.
struct IsolatedInstance {
  std::string key;       // "team@example.com"
  std::string database;  // stays when the instance is renamed
};

struct ProcessPlace {
  // Of the process table, control group and network: the service's id, or that, '~' (which no id has) and twelve hex digits.
  std::string name;
  std::string logs, work;  // folders; the latter is where it begins and may write
};

ProcessPlace place_of_service(const Layout& layout, const std::string& service);
ProcessPlace place_of_instance(const Layout& layout, const std::string& service, const std::string& database);

}  // namespace berth::manager
