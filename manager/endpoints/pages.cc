#include "manager/endpoints/pages.h"

#include "berth/app_instance.h"

#ifdef BERTH_MANAGER_UI
#include "manager_ui.h"
#endif

namespace berth::manager {

ByteView manager_pages() {
#ifdef BERTH_MANAGER_UI
  return packs::manager_ui();
#else
  return {};
#endif
}

std::vector<std::pair<std::string, std::string>> manager_page_headers() {
  auto headers = sdk::strict_page_headers("'self'");
  headers.emplace_back("cross-origin-opener-policy", "same-origin");
  headers.emplace_back("cross-origin-resource-policy", "same-origin");
  return headers;
}

std::string_view fixcert_page() {
  return R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Certificate accepted</title>
<script src="fixcert.js" defer></script>
<p>The certificate of this host is accepted. You can close this window.</p>
</html>
)html";
}

std::string_view fixcert_script() {
  return R"js(const reached = JSON.stringify({ mt: "HostReachable", host: location.host });
const to = window.opener || (window.parent !== window ? window.parent : null);
if (to) to.postMessage(reached, "*");
window.close();
)js";
}

}  // namespace berth::manager
