// A chain that passes passes again as it was written out.
#include "wire/fuzz.h"
#include "wire/pem/certificate.h"

using namespace berth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  const pem::Time now = std::chrono::sys_days(std::chrono::year(2030) / 1 / 1);
  if (const auto chain = pem::check_chain(text, now)) {
    const auto again = pem::check_chain(chain->certificates_pem + chain->key_pem, now);
    fuzz::require(again && again->certificates_pem == chain->certificates_pem &&
                  again->key_pem == chain->key_pem);
  }
  (void)pem::read_certificates(text);
  return 0;
}
