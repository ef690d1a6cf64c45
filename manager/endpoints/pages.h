#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace berth::manager {

// The static pack of the manager's web UI; empty if this build has none.
ByteView manager_pages();

// Lets a browser user accept our certificate in a small window: tells whoever opened it that the host can be
// reached now, and closes itself.
std::string_view fixcert_page();
std::string_view fixcert_script();

// What the pages are served with: only their own files, no frames of others.
std::vector<std::pair<std::string, std::string>> manager_page_headers();

}  // namespace berth::manager
