// main() of all unit tests. A test that hangs is ended with the place where it stands, long before ctest ends the whole
// program without a word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace {

// The longest test takes a minute on a quiet machine.
constexpr unsigned kLongestSeconds = 600;

void give_up(int) {
  constexpr std::string_view kWords = "this test hangs; it stands here:\n";
  [[maybe_unused]] const auto put = ::write(STDERR_FILENO, kWords.data(), kWords.size());
  __sanitizer_print_stack_trace();
  std::abort();
}

class Watch : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { ::alarm(kLongestSeconds); }
  void OnTestEnd(const testing::TestInfo&) override { ::alarm(0); }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  ::signal(SIGALRM, give_up);
  testing::UnitTest::GetInstance()->listeners().Append(new Watch);  // owned by the listeners
  return RUN_ALL_TESTS();
}
