// What a set says of itself at its target, in set.json (docs/backup-sets.md): enough to bring a platform back from
// nothing but the target and its key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manager/sets/set_rows.h"

namespace berth::manager {

inline constexpr std::string_view kManifestName = "set.json";

struct Manifest {
  std::string id, policy, started;
  std::string platform_version, platform_build, architecture, dns;
  // The key that seals the secrets in the manager's database; only beside the manager's own item. A secret.
  std::string platform_key;
  std::vector<ItemRow> items;  // written ones
};

std::string format_manifest(const Manifest& manifest);
// kMalformed; kUnsupported: of a newer format. Foreign members are ignored.
Result<Manifest> parse_manifest(std::string_view json_text);

}  // namespace berth::manager
