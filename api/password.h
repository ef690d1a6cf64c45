#pragma once

#include <string>

namespace berth::api {

// A secret as it stands in a message (docs/protocols/manager.md, last part): plain text, or
// encrypted with the session key of the AppWebsocket, `key` then being the seed. Over
// manager.sock always plain. Decrypting is the session's business.
struct Password {
  std::string value;
  std::string key;  // empty: `value` is plain text

  bool is_encrypted() const { return !key.empty(); }
  bool operator==(const Password&) const = default;
};

}  // namespace berth::api
