// A store's entry as the messages show it.
#pragma once

#include <fmt/format.h>

#include <vector>

#include "api/store.h"
#include "manager/services/service.h"
#include "manager/store/index.h"

namespace berth::manager {

std::vector<api::StoreVersion> versions_of(const StoreEntry& entry);
// `installed`: null if it is not.
api::StoreAppState state_of(const StoreEntry& entry, const Service* installed);

// What our own message (api::StoreApp) and that of the original's clients (api::AppStoreServiceAdded) have in common.
template <class Listed>
Listed list_entry(const StoreEntry& entry, const Service* installed) {
  Listed listed;
  listed.id = entry.id;
  listed.folder = entry.folder;
  listed.title = entry.title;
  listed.manufacturer = entry.manufacturer;
  listed.infourl = entry.infourl;
  listed.logo = fmt::format("/manager/store/{}.png", entry.id);
  listed.versions = versions_of(entry);
  listed.state = state_of(entry, installed);
  listed.langs = entry.langs;
  listed.categories = entry.categories;
  return listed;
}

}  // namespace berth::manager
