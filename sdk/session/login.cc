#include "berth/login.h"

#include <algorithm>

#include "wire/json/json.h"

namespace berth::sdk {

Login::Login(const Parts& parts) : has_info_(parts.has_info), has_pbx_object_(parts.has_pbx_object) {
  const std::string_view all[] = {parts.app, parts.domain, parts.sip,       parts.guid,
                                  parts.dn,  parts.info,   parts.pbx_object};
  std::size_t total = 0;
  for (const auto part : all) total += part.size();
  text_.reserve(total);
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    text_ += all[i];
    ends_[i] = static_cast<std::uint32_t>(text_.size());
  }
}

std::string_view Login::part(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(text_).substr(begin, ends_[index] - begin);
}

bool Login::is_pbx_object() const {
  if (has_pbx_object_ || !has_info_) return false;
  const auto parsed = json::parse_object(info());
  if (!parsed) return false;
  const auto object = json::find_string(*parsed, "appobj");
  return object && !object->empty() && *object == sip();
}

}  // namespace berth::sdk
