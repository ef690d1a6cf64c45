// The index of a store, apps.json (reference/appstore.md), and what may be in it. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/original.h"
#include "base/result.h"

namespace berth::manager {

struct StoreVersionEntry {
  std::string id, build, label, compatibility;
  std::vector<std::string> copy;               // further files beside the binary
  std::map<std::string, std::string> sha256;   // "<arch>/<file>" → hex
  std::map<std::string, std::uint64_t> sizes;  // the same, bytes; may be empty
};

struct StoreEntry {
  std::string id, folder, binary, title, description, manufacturer, infourl, support, impressum;
  std::string license_type, license_info, eula, requirement;
  std::vector<std::string> langs, categories;
  std::vector<api::AppStoreApp> apps;
  std::vector<StoreVersionEntry> versions;  // in the store's order
  std::string json;                         // as it stood in the index
};

struct StoreIndex {
  std::vector<StoreEntry> apps;
  const StoreEntry* find(std::string_view id) const;
};

// Reads apps.json. An entry that cannot be used (no id, odd characters in a name that becomes a path) is left out
// and told in `problems`; kMalformed if it is no index at all.
Result<StoreIndex> parse_store_index(std::string_view text, std::vector<std::string>* problems = nullptr);

// The wanted version, or the first one if `id` is empty; nullptr if there is none.
const StoreVersionEntry* find_version(const StoreEntry& entry, std::string_view id);

// One file of a package.
struct PackageFile {
  std::string name;         // as it is kept: without the ".bin" of older stores
  std::string path;         // relative to the index: "<build>/<arch>/<folder>/<name>"
  std::string sha256;       // hex; empty: the store does not tell
  bool is_required = true;  // an icon may be missing
};
// What only names of crash reports need and is as large as the program: "notes.debug".
enum class DebugFiles {
  kLeave,  // in the store, where whoever debugs finds it
  kTake,   // somebody has put it into the package
};
// The files of a version for one architecture ("x86_64", "arm64", "arm"). kUnsupported if the store tells hashes, but none
// for this architecture.
Result<std::vector<PackageFile>> package_files(const StoreEntry& entry, const StoreVersionEntry& version,
                                               std::string_view arch, DebugFiles debug = DebugFiles::kLeave);

// "https://h/x/apps.json", "https://h/x/", "https://h/x" → "https://h/x"; folders alike.
std::string store_folder(std::string_view url);

// Order of builds: longer numbers and later ones are newer ("130004" < "130011" < "1300001"). Hexadecimal digits.
bool is_newer_build(std::string_view build, std::string_view than);

// The architecture that an ELF file is for: "x86_64", "arm64", "arm"; kMalformed if it is no program for Linux, kUnsupported
// for other machines.
Result<std::string> architecture_of(std::string_view first_bytes);
// Of this machine.
std::string own_architecture();

}  // namespace berth::manager
