// The service "notes". See README.md; alone: notes --db "host=/run/postgresql dbname=notes" --port 8080
#include "apps/notes/notes_instance.h"

int main(int argc, char** argv) {
  berth::sdk::ServiceDescription description;
  description.id = "notes";
  description.title = "Notes";
  description.build = BERTH_BUILD;
  description.label = BERTH_VERSION;
  description.apps = {{.name = "notes", .title = "Notes"}};
  return berth::sdk::run_service(argc, argv, description,
                                 berth::sdk::instances_of<berth::notes::NotesInstance>());
}
