// The service "escape", for tests/escape.test.ts: if its folder holds the file "facts" (lines "name value"), it first tries
// everything that it should not be able to do and prints a line for each: "ESCAPE\t<name>\trefused|done\t<detail>".
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "berth/app_service.h"
#include "tests/escape/attempt.h"

namespace berth::escape {
namespace {

class Instance : public sdk::AppInstance {
 public:
  using AppInstance::AppInstance;
  loop::Task<void> started() override { co_return; }
};

int count_descriptors() {
  int count = 0;
  for (int fd = 3; fd < 1024; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) ++count;
  return count;
}

void try_everything() {
  const std::string descriptors = std::to_string(count_descriptors());
  const auto text = read_file("facts", 1 << 16);
  if (!text) return;
  Facts facts;
  for (const auto line : split(*text, '\n'))
    if (const auto space = line.find(' '); space != std::string_view::npos)
      facts[std::string(line.substr(0, space))] = line.substr(space + 1);
  facts["descriptors"] = descriptors;
  // Once: a service that comes back must not begin again.
  ::unlink("facts");
  std::printf("ESCAPE BEGIN\t%s\n", fact(facts, "round").c_str());
  using All = std::vector<std::vector<Attempt>>;
  const All all = fact(facts, "attempts") == "network"
                      ? All{network_attempts()}
                      : All{file_attempts(),   process_attempts(), kernel_attempts(),
                            socket_attempts(), link_attempts(),    greedy_attempts()};
  for (const auto& attempts : all)
    for (const auto& attempt : attempts) {
      const auto outcome = attempt.run(facts);
      std::printf("ESCAPE\t%s\t%s\t%s\n", attempt.name.c_str(), outcome.refused ? "refused" : "done",
                  outcome.detail.c_str());
      std::fflush(stdout);
    }
  std::printf("ESCAPE END\t%s\n", fact(facts, "round").c_str());
  std::fflush(stdout);
}

}  // namespace
}  // namespace berth::escape

int main(int argc, char** argv) {
  using namespace berth;
  escape::try_everything();
  // One program, several packages that ask for different things.
  std::string id = "escape";
  for (int i = 1; i + 1 < argc; ++i)
    if (std::string_view(argv[i]) == "--service") id = argv[i + 1];
  sdk::ServiceDescription description{.id = id, .title = "Escape", .build = "1", .label = "1"};
  return sdk::run_service(argc, argv, std::move(description),
                          [](sdk::AppService& service, sdk::InstanceArguments arguments) {
                            return std::make_unique<escape::Instance>(service, std::move(arguments));
                          });
}
