// A key pair by which this platform shows itself at an SFTP server.
#pragma once

#include <string>
#include <string_view>

namespace berth::manager {

struct SshKey {
  std::string
      private_key;  // as ssh(1) reads it from a file (PROTOCOL.key of OpenSSH: openssh-key-v1), without passphrase
  std::string public_key;  // a line for authorized_keys
};

// A new Ed25519 pair. `comment`: at the end of the public line; ASCII.
SshKey make_ssh_key(std::string_view comment);

}  // namespace berth::manager
