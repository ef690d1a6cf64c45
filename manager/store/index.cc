#include "manager/store/index.h"

#include <sys/utsname.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "manager/instances/names.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr std::size_t kMaxApps = 10'000;
constexpr std::size_t kMaxVersions = 200;
constexpr std::size_t kMaxFiles = 100;

// A name that becomes part of a path and a URL.
bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > 128 || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '+';
  });
}

std::vector<std::string> text_list(const json::Object& object, std::string_view name) {
  std::vector<std::string> list;
  if (const auto* array = json::find_array(object, name))
    for (const auto& value : *array)
      if (value.is_string()) list.emplace_back(value.get_string());
  return list;
}

bool is_sha256(std::string_view text) { return text.size() == 64 && parse_hex(text).has_value(); }

Result<StoreVersionEntry> parse_version(const json::Object& object) {
  StoreVersionEntry version;
  version.id = json::get_string(object, "id");
  version.build = json::get_string(object, "build");
  version.label = json::get_string(object, "label");
  version.compatibility = json::get_string(object, "compatibilty");
  version.copy = text_list(object, "copy");
  if (!is_plain_name(version.build))
    return fail(Errc::kMalformed, "version \"{}\" has no usable build", version.id);
  if (version.copy.size() > kMaxFiles)
    return fail(Errc::kTooLarge, "version {} has more than {} files", version.build, kMaxFiles);
  for (const auto& name : version.copy)
    if (!is_plain_name(name))
      return fail(Errc::kMalformed, "version {} names an odd file \"{}\"", version.build, name);
  if (const auto* hashes = json::find_object(object, "sha256")) {
    if (hashes->size() > 4 * kMaxFiles)
      return fail(Errc::kTooLarge, "version {} has too many hashes", version.build);
    for (const auto& member : *hashes) {
      const std::string_view key(member.key().data(), member.key().size());
      const auto parts = split(key, '/');
      if (parts.size() != 2 || !is_plain_name(parts[0]) || !is_plain_name(parts[1]) ||
          !member.value().is_string())
        return fail(Errc::kMalformed, "version {} has an odd hash entry \"{}\"", version.build, key);
      const std::string hash = to_lower(std::string(member.value().get_string()));
      if (!is_sha256(hash))
        return fail(Errc::kMalformed, "version {}: hash of {} is no SHA-256", version.build, key);
      version.sha256.emplace(key, hash);
    }
  }
  if (const auto* sizes = json::find_object(object, "size"))
    for (const auto& member : *sizes)
      if (member.value().is_int64() && member.value().get_int64() >= 0)
        version.sizes.emplace(std::string(member.key()),
                              static_cast<std::uint64_t>(member.value().get_int64()));
  return version;
}

Result<StoreEntry> parse_entry(const json::Object& object) {
  StoreEntry entry;
  entry.id = json::get_string(object, "id");
  BERTH_TRY_VOID(check_service_id(entry.id));
  entry.folder = json::get_string(object, "folder", entry.id);
  entry.binary = json::get_string(object, "binary", entry.folder);
  if (!is_plain_name(entry.folder))
    return fail(Errc::kMalformed, "{}: odd folder \"{}\"", entry.id, entry.folder);
  if (!is_plain_name(entry.binary))
    return fail(Errc::kMalformed, "{}: odd binary \"{}\"", entry.id, entry.binary);
  entry.title = json::get_string(object, "title", entry.id);
  entry.description = json::get_string(object, "description");
  entry.manufacturer = json::get_string(object, "manufacturer");
  entry.infourl = json::get_string(object, "infourl");
  entry.support = json::get_string(object, "support");
  entry.impressum = json::get_string(object, "impressum");
  entry.license_type = json::get_string(object, "license_type");
  entry.license_info = json::get_string(object, "license_info");
  entry.eula = json::get_string(object, "eula");
  entry.requirement = json::get_string(object, "requirement");
  entry.langs = text_list(object, "langs");
  entry.categories = text_list(object, "categories");
  if (const auto* apps = json::find_array(object, "apps"))
    for (const auto& app : *apps)
      if (app.is_object())
        entry.apps.push_back(
            {json::get_string(app.get_object(), "name"), json::get_string(app.get_object(), "title")});
  const auto* versions = json::find_array(object, "versions");
  if (!versions || versions->empty()) return fail(Errc::kMalformed, "{} has no versions", entry.id);
  if (versions->size() > kMaxVersions)
    return fail(Errc::kTooLarge, "{} has more than {} versions", entry.id, kMaxVersions);
  for (const auto& value : *versions) {
    if (!value.is_object()) return fail(Errc::kMalformed, "{}: a version is no object", entry.id);
    auto version = parse_version(value.get_object());
    if (!version) return tl::unexpected(std::move(version.error()).within(entry.id));
    entry.versions.push_back(std::move(*version));
  }
  entry.json = json::serialize(object);
  return entry;
}

}  // namespace

const StoreEntry* StoreIndex::find(std::string_view id) const {
  for (const auto& entry : apps)
    if (entry.id == id) return &entry;
  return nullptr;
}

Result<StoreIndex> parse_store_index(std::string_view text, std::vector<std::string>* problems) {
  auto object = json::parse_object(text);
  if (!object) return tl::unexpected(std::move(object.error()).within("apps.json"));
  const auto* apps = json::find_array(*object, "apps");
  if (!apps) return fail(Errc::kMalformed, "apps.json: no member \"apps\"");
  if (apps->size() > kMaxApps) return fail(Errc::kTooLarge, "apps.json: more than {} apps", kMaxApps);
  StoreIndex index;
  for (const auto& value : *apps) {
    auto entry = value.is_object() ? parse_entry(value.get_object())
                                   : Result<StoreEntry>(fail(Errc::kMalformed, "an app is no object"));
    if (entry && index.find(entry->id)) entry = fail(Errc::kExists, "{} is there twice", entry->id);
    if (entry) index.apps.push_back(std::move(*entry));
    else if (problems) problems->push_back(entry.error().detail);
  }
  return index;
}

const StoreVersionEntry* find_version(const StoreEntry& entry, std::string_view id) {
  if (id.empty()) return entry.versions.empty() ? nullptr : &entry.versions.front();
  for (const auto& version : entry.versions)
    if (version.id == id || version.build == id) return &version;
  return nullptr;
}

Result<std::vector<PackageFile>> package_files(const StoreEntry& entry, const StoreVersionEntry& version,
                                               std::string_view arch, DebugFiles debug) {
  const std::string folder = fmt::format("{}/{}/{}", version.build, arch, entry.folder);
  const auto hash_of = [&](const std::string& name) {
    const auto found = version.sha256.find(fmt::format("{}/{}", arch, name));
    return found == version.sha256.end() ? std::string() : found->second;
  };
  std::vector<PackageFile> files;
  const auto add = [&](const std::string& name, bool required) {
    for (const auto& file : files)
      if (file.name == name) return;
    files.push_back({name, folder + "/" + name, hash_of(name), required});
  };
  if (!version.sha256.empty()) {
    const bool has_binary = !hash_of(entry.binary).empty() || !hash_of(entry.binary + ".bin").empty();
    if (!has_binary) {
      std::vector<std::string> others;
      for (const auto& [key, hash] : version.sha256) {
        const auto slash = key.find('/');
        const std::string other = key.substr(0, slash);
        if (std::find(others.begin(), others.end(), other) == others.end()) others.push_back(other);
      }
      return fail(Errc::kUnsupported, "{} {} is not made for {} machines (only for: {})", entry.title,
                  version.label, arch, fmt::join(others, ", "));
    }
    const std::string binary = hash_of(entry.binary).empty() ? entry.binary + ".bin" : entry.binary;
    files.push_back({entry.binary, folder + "/" + binary, hash_of(binary), true});
    for (const auto& [key, hash] : version.sha256) {
      const auto slash = key.find('/');
      const std::string name = key.substr(slash + 1);
      const bool is_wanted = debug == DebugFiles::kTake || !name.ends_with(".debug");
      if (key.substr(0, slash) == arch && name != binary && is_wanted) add(name, true);
    }
    // What a signed index does not vouch for is not taken.
    for (const auto& name : version.copy)
      if (hash_of(name).empty())
        return fail(Errc::kMalformed, "the store gives no hash for {} of {}", name, entry.id);
    return files;
  }
  add(entry.binary, true);
  add(entry.binary + ".png", false);
  add("httpfiles.zip", false);
  if (debug == DebugFiles::kTake) add(entry.binary + ".debug", false);
  for (const auto& name : version.copy) add(name, true);
  return files;
}

std::string store_folder(std::string_view url) {
  constexpr std::string_view kName = "apps.json";
  if (const auto query = url.find('?');
      query != std::string_view::npos && url.find("://") != std::string_view::npos)
    url = url.substr(0, query);
  if (url.ends_with(kName) && (url.size() == kName.size() || url[url.size() - kName.size() - 1] == '/'))
    url.remove_suffix(kName.size());
  while (url.size() > 1 && url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

bool is_newer_build(std::string_view build, std::string_view than) {
  while (build.size() > 1 && build.front() == '0') build.remove_prefix(1);
  while (than.size() > 1 && than.front() == '0') than.remove_prefix(1);
  if (build.size() != than.size()) return build.size() > than.size();
  return to_lower(build) > to_lower(than);
}

Result<std::string> architecture_of(std::string_view bytes) {
  // ELF header (elf(5)): class at 4, byte order at 5, machine at 18.
  if (bytes.size() < 20 || bytes.substr(0, 4) !=
                               "\x7f"
                               "ELF")
    return fail(Errc::kMalformed, "it is not a Linux program (no ELF header)");
  if (bytes[5] != 1) return fail(Errc::kUnsupported, "it is for a big-endian machine");
  const auto machine = static_cast<unsigned>(static_cast<unsigned char>(bytes[18])) |
                       static_cast<unsigned>(static_cast<unsigned char>(bytes[19])) << 8;
  const int word = bytes[4];
  if (machine == 62 && word == 2) return std::string("x86_64");
  if (machine == 183 && word == 2) return std::string("arm64");
  if (machine == 40 && word == 1) return std::string("arm");
  return fail(Errc::kUnsupported, "it is for an unknown machine (ELF machine {})", machine);
}

std::string own_architecture() {
  utsname name{};
  ::uname(&name);
  const std::string_view machine = name.machine;
  if (machine == "aarch64") return sizeof(void*) == 8 ? "arm64" : "arm";
  if (machine.starts_with("arm")) return "arm";
  return std::string(machine);
}

}  // namespace berth::manager
