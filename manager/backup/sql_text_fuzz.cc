#include "manager/backup/sql_text.h"

// Any split of the input gives the same parts: whole against byte by byte.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::manager;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  SqlTextReader at_once, bytewise;
  std::vector<SqlPart> one, two;
  const bool first = at_once.feed(text, one).has_value();
  bool second = true;
  for (std::size_t i = 0; i < size && second; ++i) second = bytewise.feed(text.substr(i, 1), two).has_value();
  BERTH_CHECK(first == second);
  if (!first) return 0;
  BERTH_CHECK(at_once.finish().has_value() == bytewise.finish().has_value());
  BERTH_CHECK(one.size() == two.size());
  for (std::size_t i = 0; i < one.size(); ++i)
    BERTH_CHECK(one[i].kind == two[i].kind && one[i].text == two[i].text);
  for (const auto& part : one) (void)is_about_rights(part.text);
  return 0;
}
