#include "cli/version.h"

namespace berth::cli {

const std::string_view kVersion = BERTH_VERSION;

}  // namespace berth::cli
