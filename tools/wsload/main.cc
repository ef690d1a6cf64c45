// wsload: load for WebSocket servers, and the bare server they are compared with. See README.md.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "base/text.h"
#include "loop/process.h"
#include "net/listener.h"
#include "tools/wsload/load.h"
#include "tools/wsload/serve.h"

namespace {

using namespace berth;
using namespace berth::wsload;

Result<UniqueFd> listen(const Options& options) {
  if (!options.unix_path.empty()) return net::listen_unix(options.unix_path, 0666, 4096);
  const auto colon = options.listen.rfind(':');
  if (colon == options.listen.npos)
    return fail(Errc::kMalformed, "{}: ADDRESS:PORT expected", options.listen);
  const auto port = parse_integer(std::string_view(options.listen).substr(colon + 1)).value_or(-1);
  if (port < 0 || port > 65535) return fail(Errc::kMalformed, "{}: no port", options.listen);
  BERTH_TRY(const auto address, net::Address::parse(std::string_view(options.listen).substr(0, colon),
                                                    static_cast<std::uint16_t>(port)));
  return net::listen_tcp(address);
}

loop::Task<void> until_signal(loop::Loop& loop) {
  loop::Signals signals(loop, {SIGTERM, SIGINT});
  co_await signals.next();
}

int run(const Options& options) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  loop::Loop loop;
  if (options.mode == Options::Mode::kServe) {
    EchoServer server(loop, or_throw(listen(options)));
    loop::run_task(loop, until_signal(loop));
    return 0;
  }
  const auto report = run_load(loop, options);
  std::puts(json::serialize(report).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = parse_options({argv + 1, static_cast<std::size_t>(argc - 1)});
  if (!options) {
    std::fprintf(stderr, "wsload: %s\n%s", options.error().detail.c_str(), std::string(usage()).c_str());
    return 2;
  }
  try {
    return run(*options);
  } catch (...) {
    std::fprintf(stderr, "wsload: %s\n", current_error().detail.c_str());
    return 1;
  }
}
