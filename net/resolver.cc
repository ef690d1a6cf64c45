#include "net/resolver.h"

#include <netdb.h>

#include "base/log.h"
#include "base/text.h"

namespace berth::net {
namespace {

Result<std::vector<Address>> ask_system(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* first = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &first);
  if (error != 0) return fail(Errc::kNotFound, "host '{}': {}", host, ::gai_strerror(error));
  std::vector<Address> addresses;
  for (const addrinfo* item = first; item; item = item->ai_next)
    addresses.push_back(Address::from_native(item->ai_addr, item->ai_addrlen));
  ::freeaddrinfo(first);
  return addresses;
}

}  // namespace

loop::Task<std::vector<Address>> Resolver::look_up(std::string host, std::uint16_t port) {
  if (auto number = Address::parse(host, port)) {
    std::vector<Address> one{*number};
    co_return one;
  }
  if (equal_ignoring_case(host, "localhost")) {  // RFC 6761 section 6.3: without asking anybody
    std::vector<Address> both{*Address::parse("127.0.0.1", port), *Address::parse("::1", port)};
    co_return both;
  }
  if (!worker_) worker_.emplace(loop_);
  const auto began = loop_.now();
  auto answer = co_await worker_->run([host, port] { return ask_system(host, port); });
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - began).count();
  if (answer)
    BERTH_LOG(kDns, "name found", {"host", host}, {"addresses", answer->size()},
              {"first", answer->front().ip()}, {"ms", took});
  else BERTH_LOG(kDns, "name not found", {"host", host}, {"error", answer.error().detail}, {"ms", took});
  co_return or_throw(std::move(answer));
}

}  // namespace berth::net
