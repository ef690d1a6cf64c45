// What stands in the kernel log (processes may write into it) and in mountinfo (anybody names folders).
#include "manager/monitor/file_system_watch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto complaint = berth::manager::parse_kernel_record(text)) {
    BERTH_CHECK(!complaint->device.empty() && complaint->text.size() <= 400);
    for (const char letter : complaint->text) BERTH_CHECK(static_cast<unsigned char>(letter) >= 32);
  }
  (void)berth::manager::find_ext4(text, [](std::string_view number) { return std::string(number); });
  return 0;
}
