// The app store: its index (kept for when it is offline) and the verified download of packages.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loop/sync.h"
#include "manager/services/service_repository.h"
#include "manager/store/index.h"
#include "manager/store/source.h"

namespace berth::manager {

struct StoreOptions {
  std::string place;              // URL or folder; empty: none
  std::vector<std::string> keys;  // minisign public keys, as text
  bool allow_unsigned = false;    // developer mode
  std::uint64_t index_limit = 8 << 20;
  std::uint64_t file_limit = 512 << 20;
  std::chrono::seconds stall{30};
};

// What is known of the store's index.
struct StoreState {
  StoreIndex index;
  std::string place;
  std::string signer;   // id of the key; empty: not signed
  std::string fetched;  // ISO 8601 UTC
  std::string error;    // why this is an old one, or none
  Errc error_code = Errc::kUnavailable;
};

struct DownloadedPackage {
  std::string folder;  // holds the files
  std::vector<ServiceFile> files;
  std::string program;  // name of the binary among them
  std::string signer;
};

// Owned by the manager's main.
class Store {
 public:
  // `cache`: folder for the last good index. `options` is asked anew for each act.
  Store(loop::Loop& loop, net::HttpClient& http, std::string cache, std::function<StoreOptions()> options);

  // The index, fetched if it is older than a quarter of an hour, of another place, or `refresh`. If the store cannot be reached
  // the last good one with `error` set; throws Failure only if there has never been one from this place.
  Task<const StoreState*> get(bool refresh);
  const StoreState& known() const { return state_; }

  // Downloads all files of one version for this machine into `folder` (emptied first), checks sizes, hashes and the binary's
  // architecture. Throws Failure with what is wrong; nothing is left in `folder` then.
  Task<DownloadedPackage> download(std::string id, std::string version, std::string folder,
                                   std::function<void(std::uint64_t percent)> progress);
  // The same from an index that is in hand, for packages uploaded as a file.
  Task<DownloadedPackage> download_from(StoreSource& source, StoreEntry entry, StoreVersionEntry version,
                                        std::string signer, std::string folder,
                                        std::function<void(std::uint64_t percent)> progress,
                                        DebugFiles debug);
  // The index of an uploaded package, checked as the store's own; not kept.
  Task<StoreState> read_package_index(StoreSource& source);

  // An icon of an app that may not be installed, kept in the cache; nullopt if the store has none.
  Task<std::optional<std::string>> icon(std::string id);
  // kDenied if `signer` is empty and unsigned packages are not allowed.
  Result<void> check_signer(const std::string& signer) const;

 private:
  Task<StoreState> read_index(StoreSource& source, bool keep);
  void load_cache();
  void save_cache(const std::string& index, const std::string& signature);
  Result<std::string> check_signature(std::string_view index, std::string_view signature) const;
  loop::Loop& loop_;
  net::HttpClient& http_;
  std::string cache_;
  std::function<StoreOptions()> options_;
  StoreState state_;
  loop::TimePoint fetched_at_{};
  bool cache_loaded_ = false;
  loop::Semaphore one_fetch_;
};

}  // namespace berth::manager
