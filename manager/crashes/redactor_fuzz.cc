// A secret in any text: it is not there afterwards.
#include "manager/crashes/redactor.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using berth::manager::Redactor;
  // The first byte says where the secret is put.
  const std::string secret = "Zq7#seeded\"Kx";
  if (size == 0) return 0;
  std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  text.insert(data[0] % (text.size() + 1), secret);
  Redactor redactor;
  redactor.add(secret);
  if (redactor.redact(text).find(secret) != std::string::npos) __builtin_trap();
  return 0;
}
