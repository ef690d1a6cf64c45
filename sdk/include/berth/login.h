// Who logged in on an AppWebsocket (reference: AppLogin).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth::sdk {

// The members of one AppLogin. Kept in one block, because there is one for each session.
class Login {
 public:
  struct Parts {
    std::string_view app, domain, sip, guid, dn, info, pbx_object;
    bool has_info = false;  // `info` was there, even as {}
    bool has_pbx_object = false;
  };
  Login() = default;
  explicit Login(const Parts& parts);

  std::string_view app() const { return part(0); }  // HTML name of the page, or what a machine calls itself
  std::string_view domain() const { return part(1); }
  std::string_view sip() const { return part(2); }  // user or App object
  std::string_view guid() const { return part(3); }
  std::string_view dn() const { return part(4); }          // display name
  std::string_view info() const { return part(5); }        // JSON text as it was sent; "" if absent
  std::string_view pbx_object() const { return part(6); }  // name of the granting App object
  bool has_info() const { return has_info_; }
  bool has_pbx_object() const { return has_pbx_object_; }
  // A person behind a PBX's App object: pbxObj and info are both there.
  bool is_user() const { return has_pbx_object_ && has_info_; }
  // The PBX's App object itself: no pbxObj, and sip is info.appobj.
  bool is_pbx_object() const;

 private:
  std::string_view part(std::size_t index) const;
  std::string text_;  // all parts, one behind the other
  std::array<std::uint32_t, 7> ends_{};
  bool has_info_ = false;
  bool has_pbx_object_ = false;
};

}  // namespace berth::sdk
