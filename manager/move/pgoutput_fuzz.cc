#include "manager/move/change_script.h"

// One byte of length and as many bytes of a change, again and again: what is taken becomes SQL without a zero byte, and no
// statement stays open.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  manager::ChangeScript script;
  while (!rest.empty()) {
    const auto length = std::min<std::size_t>(static_cast<unsigned char>(rest.front()), rest.size() - 1);
    const auto message = manager::pgoutput::parse(rest.substr(1, length));
    rest.remove_prefix(1 + length);
    if (!message || !script.add(*message)) break;
  }
  const auto sql = script.take();
  BERTH_CHECK(sql.find('\0') == std::string::npos);
  BERTH_CHECK(sql.empty() || sql.ends_with(";\n"));
  return 0;
}
