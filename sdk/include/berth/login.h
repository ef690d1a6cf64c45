// Who logged in on an AppWebsocket (reference: AppLogin).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace berth::sdk {

// The members of one AppLogin. A value. Kept in one small block, because there is one for each session.
class Login {
 public:
  struct Parts {
    std::string_view app, domain, sip, guid, dn, info, pbx_object;
    bool has_info = false;  // `info` was there, even as {}
    bool has_pbx_object = false;
  };
  Login() = default;
  Login(const Login& other);
  Login(Login&& other) noexcept = default;
  Login& operator=(Login other) noexcept {
    block_ = std::move(other.block_);
    return *this;
  }
  explicit Login(const Parts& parts);

  std::string_view app() const { return part(0); }  // HTML name of the page, or what a machine calls itself
  std::string_view domain() const { return part(1); }
  std::string_view sip() const { return part(2); }  // user or App object
  std::string_view guid() const { return part(3); }
  std::string_view dn() const { return part(4); }          // display name
  std::string_view info() const { return part(5); }        // JSON text as it was sent; "" if absent
  std::string_view pbx_object() const { return part(6); }  // name of the granting App object
  bool has_info() const { return has(kInfo); }
  bool has_pbx_object() const { return has(kPbxObject); }
  // A person behind a PBX's App object: pbxObj and info are both there.
  bool is_user() const { return has_pbx_object() && has_info(); }
  // The PBX's App object itself: no pbxObj, and sip is info.appobj.
  bool is_pbx_object() const;

 private:
  static constexpr std::size_t kParts = 7;
  enum Bit : std::uint8_t { kInfo = 1, kPbxObject = 2 };
  bool has(Bit bit) const { return block_ && block_[0] & bit; }
  struct Place {
    std::size_t begin, size;  // in block_
  };
  Place find(std::size_t index) const;
  std::string_view part(std::size_t index) const;
  // One byte of bits, the lengths of the parts (7 bits a byte, the lowest first, bit 7 = more follow), the parts.
  std::unique_ptr<std::uint8_t[]> block_;
};

}  // namespace berth::sdk
