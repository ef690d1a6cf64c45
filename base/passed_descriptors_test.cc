#include "base/passed_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <string>

namespace berth {
namespace {

ino_t inode_of(int fd) {
  struct stat info{};
  EXPECT_EQ(::fstat(fd, &info), 0);
  return info.st_ino;
}

class PassedDescriptors : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours = UniqueFd(ends[0]);
    theirs = UniqueFd(ends[1]);
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    pipe = {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
  void send(std::span<const int> numbers) {
    char byte = 'x';
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    DescriptorRoom<4> room;
    if (!numbers.empty()) room.send_with(message, numbers);
    ASSERT_EQ(::sendmsg(ours.get(), &message, MSG_NOSIGNAL), 1);
  }
  template <std::size_t Most>
  std::pair<std::vector<UniqueFd>, bool> receive() {
    char byte = 0;
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    DescriptorRoom<Most> room;
    room.receive_with(message);
    EXPECT_EQ(::recvmsg(theirs.get(), &message, MSG_CMSG_CLOEXEC), 1);
    auto taken = take_descriptors(message);
    return {std::move(taken), (message.msg_flags & MSG_CTRUNC) != 0};
  }
  UniqueFd ours, theirs;
  std::array<UniqueFd, 2> pipe;
};

TEST_F(PassedDescriptors, AreTheSameFilesOnTheOtherSideAndClosedByExec) {
  const std::array numbers{pipe[0].get(), pipe[1].get()};
  send(numbers);
  const auto [taken, cut] = receive<4>();
  EXPECT_FALSE(cut);
  ASSERT_EQ(taken.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_NE(taken[i].get(), numbers[i]);
    EXPECT_EQ(inode_of(taken[i].get()), inode_of(numbers[i]));
    EXPECT_TRUE(::fcntl(taken[i].get(), F_GETFD) & FD_CLOEXEC);
  }
}

TEST_F(PassedDescriptors, AreNoneWithAPlainMessage) {
  send({});
  EXPECT_TRUE(receive<4>().first.empty());
}

TEST_F(PassedDescriptors, TellOfThoseThatHadNoRoom) {
  const std::array numbers{pipe[0].get(), pipe[1].get(), ours.get(), theirs.get()};
  send(numbers);
  const auto [taken, cut] = receive<1>();
  EXPECT_TRUE(cut);
  EXPECT_LT(taken.size(), 4U);
}

}  // namespace
}  // namespace berth
