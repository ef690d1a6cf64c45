// An index comes from outside: whatever it says, no file name may leave its folder.
#include "manager/store/index.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::manager;
  const auto index = parse_store_index({reinterpret_cast<const char*>(data), size});
  if (!index) return 0;
  for (const auto& entry : index->apps)
    for (const auto& version : entry.versions) {
      const auto files = package_files(entry, version, "x86_64");
      if (!files) continue;
      for (const auto& file : *files)
        if (file.name.find('/') != std::string::npos || file.path.find("..") == 0 ||
            file.path.find("/../") != std::string::npos)
          std::abort();
    }
  return 0;
}
