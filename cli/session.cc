#include "cli/session.h"

#include "cli/local_session.h"
#include "cli/remote_session.h"

namespace berth::cli {

loop::Task<std::unique_ptr<Session>> connect(loop::Loop& loop, GlobalOptions options) {
  if (!options.url.empty()) co_return co_await RemoteSession::connect(loop, std::move(options));
  co_return or_throw(LocalSession::connect(loop, options.root));
}

}  // namespace berth::cli
