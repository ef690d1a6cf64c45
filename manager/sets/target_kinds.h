// From a target's row to the target: what each kind needs, and what is wrong with what was given.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "manager/platform/layout.h"
#include "manager/sets/set_rows.h"
#include "manager/sets/target.h"
#include "net/http_client.h"

namespace berth::manager {

// Checks a new or changed row without reaching out, and fills in what is generated (keys). `work_folders`: those of
// instances that write files and are backed up themselves. kMalformed, kConflict (below such a folder, S207).
Result<void> complete_target(TargetRow& row, const Layout& layout,
                             const std::vector<std::string>& work_folders);

// The name of a secret that the admin is told and the platform does not keep: a drop box's private key.
inline constexpr const char* kToldOnce = "toldOnce";

// Owned by nobody: lives as long as one act on it.
using OpenTarget = std::function<std::unique_ptr<Target>(const TargetRow&)>;
std::unique_ptr<Target> open_target(loop::Loop& loop, net::HttpClient& http, const Layout& layout,
                                    const TargetRow& row, std::chrono::seconds stall);

}  // namespace berth::manager
