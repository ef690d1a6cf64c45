// The service "polls": an app whose data are in MySQL.
#include "apps/polls/polls_instance.h"

int main(int argc, char** argv) {
  using namespace berth;
  sdk::ServiceDescription description;
  description.id = "polls";
  description.title = "Polls";
  description.build = "1";
  description.label = "1.0";
  description.apps = {{.name = "polls", .title = "Polls"}};
  description.database_type = "mysql";
  return sdk::run_service(argc, argv, description, sdk::instances_of<polls::PollsInstance>());
}
