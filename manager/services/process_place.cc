#include "manager/services/process_place.h"

#include "base/bytes.h"

namespace berth::manager {

ProcessPlace place_of_service(const Layout& layout, const std::string& service) {
  return {service, layout.log(service), layout.work() + "/" + service};
}

ProcessPlace place_of_instance(const Layout& layout, const std::string& service,
                               const std::string& database) {
  std::string name = service + "~" + sha256_hex(database).substr(0, 12);
  return {name, layout.log(name), layout.work_of(service, database)};
}

}  // namespace berth::manager
