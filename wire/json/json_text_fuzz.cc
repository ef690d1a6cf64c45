// parse∘serialize is the identity, and our walker over raw text agrees with Boost.JSON.
#include <cmath>

#include "wire/appwebsocket/raw_json.h"
#include "wire/fuzz.h"
#include "wire/json/json.h"

using namespace berth;

namespace {

// Boost.JSON 1.81 reads some decimal fractions one unit in the last place off, and ours are written in
// their shortest form: so doubles are the same if they are next to each other.
bool is_same(const json::Value& a, const json::Value& b) {
  if (a.is_number() && b.is_number()) {
    const double x = a.to_number<double>(), y = b.to_number<double>();
    if (!std::isfinite(x)) return !std::isfinite(y);  // 0e999 is read as not-a-number, written as null
    return x == y || std::abs(x - y) <= 4e-15 * std::max(std::abs(x), std::abs(y)) ||
           std::abs(x - y) < 1e-300;
  }
  if (a.is_object() && b.is_object()) {
    const auto &x = a.get_object(), &y = b.get_object();
    return x.size() == y.size() && std::all_of(x.begin(), x.end(), [&](const auto& member) {
             const auto* other = y.if_contains(member.key());
             return other && is_same(member.value(), *other);
           });
  }
  if (a.is_array() && b.is_array()) {
    const auto &x = a.get_array(), &y = b.get_array();
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), is_same);
  }
  return a == b || (a.is_number() && b.is_null()) ||
         (a.is_null() && b.is_number());  // infinity is written as null
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  const auto value = json::parse(text);
  if (!value) return 0;
  const auto again = json::parse(json::serialize(*value));
  fuzz::require(again && is_same(*again, *value));
  const auto minimal = appwebsocket::to_minimal(text);
  fuzz::require(minimal.has_value());
  const auto of_minimal = json::parse(*minimal);
  fuzz::require(of_minimal && is_same(*of_minimal, *value));
  return 0;
}
