// Descriptors that go with a message over a Unix-domain socket (SCM_RIGHTS; unix(7), cmsg(3)).
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth {

// Where up to `Most` descriptors lie beside a message; lives until it is sent, or what came is taken.
template <std::size_t Most>
class DescriptorRoom {
 public:
  // Before recvmsg(). MSG_CTRUNC says that more came than there is room for.
  void receive_with(msghdr& message) {
    message.msg_control = bytes_;
    message.msg_controllen = sizeof bytes_;
  }
  // Before sendmsg(). The descriptors, 1 to `Most`, stay the caller's.
  void send_with(msghdr& message, std::span<const int> numbers) {
    BERTH_CHECK(!numbers.empty() && numbers.size() <= Most);
    message.msg_control = bytes_;
    message.msg_controllen = CMSG_SPACE(numbers.size_bytes());
    std::memset(bytes_, 0, message.msg_controllen);
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(numbers.size_bytes());
    std::memcpy(CMSG_DATA(header), numbers.data(), numbers.size_bytes());
  }

 private:
  alignas(cmsghdr) char bytes_[CMSG_SPACE(Most * sizeof(int))];
};

// After recvmsg() with MSG_CMSG_CLOEXEC: what came with the message, now the caller's.
std::vector<UniqueFd> take_descriptors(msghdr& message);

}  // namespace berth
