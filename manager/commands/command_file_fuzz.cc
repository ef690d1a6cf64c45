// A command file from a server that says what it likes.
#include "manager/commands/command_file.h"
#include "manager/commands/hash_parameters.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  using namespace berth::manager;
  const auto file = parse_command_file({reinterpret_cast<const char*>(data), size});
  if (!file) return 0;
  const HashParameters values{"L", "A", "I", "D", "m", "d", 9};
  for (const auto& command : file->commands) {
    BERTH_CHECK(expand_hashes(command.place.url, values, true).has_value());
    BERTH_CHECK(find_rolling_limit(command.place.url).has_value());
    BERTH_CHECK(command.shown.find('?') == std::string::npos || command.what.find('?') != std::string::npos);
  }
  return 0;
}
