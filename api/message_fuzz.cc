// Any JSON as any kind of message: no crash, and what reads is written so that it reads the same.
#include "api/all.h"

namespace {

template <class T>
void try_message(const berth::api::JsonObject& object) {
  const auto message = berth::api::parse_message<T>(object);
  if (!message) return;
  const auto written = berth::api::format_message(*message);
  const auto again = berth::api::parse_message<T>(written);
  BERTH_CHECK(again.has_value());
  BERTH_CHECK(berth::api::format_message(*again) == written);
}

template <class... T>
void try_all(const berth::api::JsonObject& object, berth::api::TypeList<T...>) {
  ((try_message<T>(object), try_message<typename T::Answer>(object)), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  boost::json::error_code error;
  const auto value =
      boost::json::parse(boost::json::string_view(reinterpret_cast<const char*>(data), size), error);
  if (error || !value.is_object()) return 0;
  (void)berth::api::parse_envelope(value.get_object());
  (void)berth::api::find_failure(value.get_object());
  try_all(value.get_object(), berth::api::AllRequests());
  return 0;
}
