#include "manager/platform/version.h"

// Set for this file alone, so that a new build number compiles nothing else.
#if !defined(BERTH_VERSION) || !defined(BERTH_BUILD_ID)
#error "BERTH_VERSION and BERTH_BUILD_ID come from manager/CMakeLists.txt"
#endif

namespace berth::manager {

std::string platform_version() { return BERTH_VERSION; }
std::string platform_build() { return BERTH_BUILD_ID; }

}  // namespace berth::manager
