// Everything that helps somebody else to find a fault, in one file, without what is secret.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "loop/worker.h"
#include "manager/platform/parts.h"

namespace berth::manager {

inline constexpr std::uint64_t kBundleLogBytes = 64 << 20;  // of all logs, as they lie on the disk
inline constexpr std::uint64_t kBundleFileBytes = 8 << 20;  // of one of them: its end

// A tar.zst with status, services, instances, settings, alarms, jobs, crash reports with their traces, logs, what flight recorders
// hold, and the machine's figures; a file without a name, read from its beginning. Structured data are taken by their types, so
// that a secret is no member of them; every text goes through a Redactor that knows all secrets of the platform besides. `cores`: core
// dumps, too, which hold whatever was in memory. Throws Failure. If cancelled nothing is left.
Task<UniqueFd> make_support_bundle(Parts& parts, bool cores);

}  // namespace berth::manager
