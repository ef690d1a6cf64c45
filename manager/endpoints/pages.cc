#include "manager/endpoints/pages.h"

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

std::string_view fixcert_page() {
  return R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Certificate accepted</title>
<p>The certificate of this host is accepted. You can close this window.</p>
<script>
  const reached = JSON.stringify({ mt: "HostReachable", host: location.host });
  const to = window.opener || (window.parent !== window ? window.parent : null);
  if (to) to.postMessage(reached, "*");
  window.close();
</script>
</html>
)html";
}

}  // namespace berth::manager
