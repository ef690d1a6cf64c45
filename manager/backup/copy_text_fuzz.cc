#include "manager/backup/copy_text.h"
#include "manager/backup/end_mark.h"
#include "manager/backup/metadata.h"

#include "base/result.h"

// What a file from outside makes pg_restore say, and what stands in it about its instance.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto row = manager::find_copied_row(text)) BERTH_CHECK(row->size() <= size);
  (void)manager::parse_metadata(text, {});
  if (const auto mark = manager::parse_end_mark(text)) BERTH_CHECK(manager::format_end_mark(*mark) == text);
  return 0;
}
