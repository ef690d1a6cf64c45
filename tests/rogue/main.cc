// The service "rogue", for tests/bad_days.test.ts: does at each start what the file "misdeed" in its folder says, by one word.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "berth/app_service.h"
#include "tests/rogue/lies.h"

namespace berth::rogue {
namespace {

using namespace std::chrono_literals;

std::string misdeed() {
  const auto text = read_file("misdeed", 4096);
  return text ? std::string(trim(*text)) : std::string();
}

class Instance : public sdk::AppInstance {
 public:
  using AppInstance::AppInstance;

  loop::Task<void> started() override {
    attach_http("hello", [](sdk::HttpRequest&, sdk::HttpResponse& response) -> loop::Task<void> {
      co_await response.send("hello\n");
    });
    const std::string what = misdeed();
    if (what == "leak") leak();
    else if (what == "print" || what == "log") tasks().spawn(flood(what == "log"));
    else if (what == "memory") tasks().spawn(take_memory());
    co_return;
  }

  loop::Task<void> stopping() override {
    if (misdeed() == "deaf") stand_still();
    co_return;
  }

  loop::Task<std::optional<std::vector<std::string>>> self_check() override {
    if (misdeed() == "self-check") std::abort();
    co_return std::vector<std::string>();
  }

 private:
  void leak() {
    for (;;) {
      UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!fd) break;
      leaked_.push_back(std::move(fd));
    }
    // UndefinedBehaviorSanitizer looks at memory through a pipe, and takes its failure for a bad pointer.
    leaked_.resize(leaked_.size() - kLeft);
    log("leaked", {{"descriptors", leaked_.size()}});
  }

  // 2.8 MB a second are 10 GB an hour.
  loop::Task<void> flood(bool to_log) {
    const std::string line(280, 'f');
    for (;;) {
      for (int i = 0; i < 200; ++i) {
        if (to_log) log(line);
        else std::printf("%s\n", line.c_str());
      }
      std::fflush(stdout);
      co_await loop::sleep_for(loop(), 20ms);
    }
  }

  loop::Task<void> take_memory() {
    co_await loop::sleep_for(loop(), 300ms);
    for (;;) memory_.emplace_back(1 << 20, 'm');
  }

  // Hears neither what it is asked nor SIGTERM.
  [[noreturn]] static void stand_still() {
    ::signal(SIGTERM, SIG_IGN);
    for (;;) ::pause();
  }

  static constexpr std::size_t kLeft = 6;
  std::vector<UniqueFd> leaked_;
  std::vector<std::string> memory_;
};

}  // namespace
}  // namespace berth::rogue

int main(int argc, char** argv) {
  using namespace berth;
  const std::string what = rogue::misdeed();
  if (what == "crash-at-start") std::abort();
  const auto arguments = sdk::parse_service_arguments(argc, argv);
  // "lie SEED": once, or it would never come to work.
  if (arguments && what.starts_with("lie ") && ::unlink("misdeed") == 0)
    rogue::tell_lies(arguments->manager,
                     static_cast<std::uint64_t>(parse_integer(what.substr(4)).value_or(1)), 600);
  sdk::ServiceDescription description{.id = "rogue", .title = "Rogue", .build = "1", .label = "1"};
  return sdk::run_service(argc, argv, std::move(description), sdk::instances_of<rogue::Instance>());
}
