// The service "hello": the example of docs/app-developer.md.
#include "apps/hello/hello_instance.h"

int main(int argc, char** argv) {
  using namespace berth;
  sdk::ServiceDescription description;
  description.id = "hello";
  description.title = "Hello";
  description.build = "1";
  description.label = "1.0";
  description.apps = {{.name = "hello", .title = "Hello"}};
  return sdk::run_service(argc, argv, description, sdk::instances_of<hello::HelloInstance>());
}
