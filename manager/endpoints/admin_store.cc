#include "manager/endpoints/admin.h"
#include "manager/endpoints/store_listing.h"
#include "manager/services/sandbox_wants.h"
#include "wire/json/json.h"

namespace berth::manager {

std::vector<api::StoreVersion> versions_of(const StoreEntry& entry) {
  std::vector<api::StoreVersion> versions;
  for (const auto& version : entry.versions) {
    api::StoreVersion one;
    one.id = version.id;
    one.build = version.build;
    one.label = version.label;
    one.compatibilty = version.compatibility;
    one.copy = version.copy;
    versions.push_back(std::move(one));
  }
  return versions;
}

api::StoreAppState state_of(const StoreEntry& entry, const Service* installed) {
  api::StoreAppState state;
  if (!installed) return state;
  state.installed = true;
  state.build = installed->row().build;
  state.update_available =
      !entry.versions.empty() && is_newer_build(entry.versions.front().build, state.build);
  return state;
}

void Admin::add_store() {
  on<api::GetStore>([this](api::GetStore message, AdminRequest&) -> Task<api::GetStoreResult> {
    const auto* state = co_await parts_.store.get(message.refresh);
    api::GetStoreResult result;
    result.url = state->place;
    if (!state->fetched.empty()) result.fetched_at = state->fetched;
    if (!state->error.empty()) result.store_error = state->error;
    const std::string arch = own_architecture();
    for (const auto& entry : state->index.apps) {
      auto app = list_entry<api::StoreApp>(entry, parts_.services.find(entry.id));
      app.description = entry.description;
      app.is_signed = !state->signer.empty();
      const auto wants = parse_new_sandbox_wants(or_throw(json::parse_object(entry.json)));
      app.wants = wants ? describe(*wants) : std::vector{"cannot be installed: " + wants.error().detail};
      for (const auto& [name, bytes] : entry.versions.front().sizes)
        if (name.starts_with(arch + "/")) app.size += bytes;
      result.apps.push_back(std::move(app));
    }
    co_return result;
  });
}

}  // namespace berth::manager
