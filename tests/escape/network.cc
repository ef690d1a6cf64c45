// With a network of its own: everywhere it does not lead.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "tests/escape/attempt.h"

namespace berth::escape {
namespace {

constexpr int kPatience = 2000;  // ms until a silent host counts as out of reach

Outcome connect_to(in_addr_t address, int port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return of_call(-1);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = address;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0)
    return {false, "it worked"};
  if (errno != EINPROGRESS) return of_call(-1);
  pollfd waiting{fd.get(), POLLOUT, 0};
  if (::poll(&waiting, 1, kPatience) != 1) return {true, "no answer"};
  int number = 0;
  socklen_t size = sizeof number;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &number, &size);
  errno = number;
  return of_call(number ? -1 : 0);
}

Outcome connect_to(const Facts& facts, const char* address) {
  return connect_to(::inet_addr(fact(facts, address).c_str()), std::atoi(fact(facts, "port").c_str()));
}

// The other end of the wire belongs to the machine: the gateway of the default route, in hex as the kernel has it in memory.
Outcome connect_to_gateway(const Facts& facts) {
  const auto routes = read_file("/proc/self/net/route", 1 << 16);
  if (!routes) return {true, "no routes"};
  for (const auto line : split(*routes, '\n')) {
    const auto columns = split(line, '\t');
    if (columns.size() < 3 || columns[1] != "00000000" || columns[2] == "00000000") continue;
    const auto gateway = static_cast<in_addr_t>(std::strtoul(std::string(columns[2]).c_str(), nullptr, 16));
    return connect_to(gateway, std::atoi(fact(facts, "port").c_str()));
  }
  return {true, "no gateway"};
}

}  // namespace

std::vector<Attempt> network_attempts() {
  return {
      {"connect to a loopback port of the machine",
       [](const Facts& facts) {
         return connect_to(htonl(INADDR_LOOPBACK), std::atoi(fact(facts, "port").c_str()));
       }},
      {"connect to the machine by the other end of its wire", connect_to_gateway},
      {"connect to the machine by another of its addresses",
       [](const Facts& facts) { return connect_to(facts, "machine"); }},
      {"connect to another app's network", [](const Facts& facts) { return connect_to(facts, "neighbour"); }},
      {"connect to a host that its package does not name",
       [](const Facts& facts) { return connect_to(facts, "unnamed"); }},
      {"connect to the host that its package names",
       [](const Facts& facts) { return connect_to(facts, "named"); }},
  };
}

}  // namespace berth::escape
