// The app store as the manager sees it.
#pragma once

#include "api/json.h"
#include "api/state.h"

namespace berth::api {

struct StoreVersion {
  static constexpr std::string_view kName = "StoreVersion";
  std::string id;  // release, "13r1"
  std::string build;
  std::string label;
  std::string compatibilty;       // spelt so on the wire
  std::vector<std::string> copy;  // further files
  static constexpr auto fields() {
    return std::tuple(field("id", &StoreVersion::id), with_default("build", &StoreVersion::build),
                      with_default("label", &StoreVersion::label),
                      with_default("compatibilty", &StoreVersion::compatibilty),
                      with_default("copy", &StoreVersion::copy));
  }
};

struct StoreAppState {
  static constexpr std::string_view kName = "StoreAppState";
  bool installed = false;
  std::string build;  // installed one
  bool update_available = false;
  static constexpr auto fields() {
    return std::tuple(with_default("installed", &StoreAppState::installed),
                      with_default("build", &StoreAppState::build),
                      with_default("updateAvailable", &StoreAppState::update_available));
  }
};

struct StoreApp {
  static constexpr std::string_view kName = "StoreApp";
  std::string id;
  std::string folder;
  std::string title;
  std::string description;
  std::string manufacturer;
  std::string infourl;
  std::string logo;  // URL path on the platform
  std::vector<StoreVersion> versions;
  StoreAppState state;
  std::vector<std::string> categories;
  std::vector<std::string> langs;
  bool is_signed = false;          // the index has a signature that we trust
  std::uint64_t size = 0;          // bytes to download
  std::vector<std::string> wants;  // what it asks for beyond every app's sandbox, a line each
  static constexpr auto fields() {
    return std::tuple(
        field("id", &StoreApp::id), with_default("folder", &StoreApp::folder),
        with_default("title", &StoreApp::title), with_default("description", &StoreApp::description),
        with_default("manufacturer", &StoreApp::manufacturer), with_default("infourl", &StoreApp::infourl),
        with_default("logo", &StoreApp::logo), with_default("versions", &StoreApp::versions),
        with_default("state", &StoreApp::state), with_default("categories", &StoreApp::categories),
        with_default("langs", &StoreApp::langs), with_default("signed", &StoreApp::is_signed),
        with_default("size", &StoreApp::size), with_default("wants", &StoreApp::wants));
  }
};

struct GetStoreResult {
  static constexpr std::string_view kMt = "GetStoreResult";
  std::vector<StoreApp> apps;
  std::string url;
  std::optional<std::string> fetched_at;
  std::optional<std::string> store_error;  // why this list is an old one
  static constexpr auto fields() {
    return std::tuple(field("apps", &GetStoreResult::apps), with_default("url", &GetStoreResult::url),
                      field("fetchedAt", &GetStoreResult::fetched_at),
                      field("storeError", &GetStoreResult::store_error));
  }
};

struct GetStore {
  static constexpr std::string_view kMt = "GetStore";
  using Answer = GetStoreResult;
  bool refresh = false;
  static constexpr auto fields() { return std::tuple(with_default("refresh", &GetStore::refresh)); }
};

}  // namespace berth::api
