#include "db/host_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>

#include "db/connection_lost.h"

namespace berth::db {
namespace {

bool is_address(const std::string& host) {
  in6_addr buffer;
  return ::inet_pton(AF_INET, host.c_str(), &buffer) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &buffer) == 1;
}

}  // namespace

Task<ConnectionOptions> HostLookup::resolve(ConnectionOptions options) {
  const std::string host = options.host;
  if (host.empty() || host.front() == '/' || host.front() == '@' || is_address(host))
    co_return std::move(options);
  for (const auto& [keyword, value] : options.other)
    if (keyword == "hostaddr") co_return std::move(options);
  if (!worker_) worker_ = std::make_unique<loop::Worker>(loop_);
  auto look_up = [host]() -> std::string {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int problem = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); problem != 0)
      throw ConnectionLost(
          Error{Errc::kUnavailable, fmt::format("look up {}: {}", host, ::gai_strerror(problem))});
    // All addresses, tried in order: libpq takes lists of the same length for host and hostaddr.
    std::string addresses;
    for (const auto* entry = found; entry; entry = entry->ai_next) {
      char text[NI_MAXHOST];
      if (::getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) !=
          0)
        continue;
      addresses += (addresses.empty() ? "" : ",") + std::string(text);
    }
    ::freeaddrinfo(found);
    return addresses;
  };
  auto looking = worker_->run(std::move(look_up));
  const std::string addresses = co_await looking;
  for (const char c : addresses)
    if (c == ',') options.host += ',' + host;
  options.other.emplace_back("hostaddr", addresses);
  co_return std::move(options);
}

}  // namespace berth::db
