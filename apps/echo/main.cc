// The service "echo": see README.md.
#include "apps/echo/echo_instance.h"
#include "echo_files.h"

int main(int argc, char** argv) {
  using namespace berth;
  sdk::ServiceDescription description{.id = "echo",
                                      .title = "Echo",
                                      .build = BERTH_BUILD,
                                      .label = BERTH_VERSION,
                                      .apps = {{.name = "echo", .title = "Echo"}},
                                      // As an app announces the script that a PBX administration loads.
                                      .plugins = {{.js = "berth.EchoManager",
                                                   .icon = "echo.png",
                                                   .lang = "berth.EchoManagerTexts",
                                                   .api = "berth.echo"}}};
  return sdk::run_service(
      argc, argv, std::move(description), [](sdk::AppService& service, sdk::InstanceArguments arguments) {
        return std::make_unique<echo::EchoInstance>(service, std::move(arguments), packs::echo_files());
      });
}
