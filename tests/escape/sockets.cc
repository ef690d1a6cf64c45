#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "base/unique_fd.h"
#include "tests/escape/attempt.h"

namespace berth::escape {
namespace {

constexpr int kPatience = 2000;  // ms for an answer

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// Sends and gives the first bytes that come back; empty: none.
std::string ask(int fd, const std::string& question) {
  if (::send(fd, question.data(), question.size(), MSG_NOSIGNAL) < 0) return {};
  pollfd waiting{fd, POLLIN, 0};
  if (::poll(&waiting, 1, kPatience) != 1) return {};
  char buffer[512];
  const auto got = ::recv(fd, buffer, sizeof buffer, 0);
  return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
}

// A login at PostgreSQL (protocol 3.0, "Message Formats"): 'R' and 0 is in, 'R' and anything else asks for a password.
Outcome log_in(const Facts& facts, const std::string& user, const std::string& database) {
  const auto fd = connect_unix(fact(facts, "postgres-socket"));
  if (!fd) return of_call(-1);
  const std::string body = big_endian(3 << 16) + std::string("user\0", 5) + user +
                           std::string("\0database\0", 10) + database + std::string("\0\0", 2);
  const auto answer = ask(fd.get(), big_endian(static_cast<std::uint32_t>(body.size() + 4)) + body);
  if (answer.size() >= 9 && answer[0] == 'R' && answer.substr(5, 4) == big_endian(0))
    return {false, "logged in"};
  if (answer.empty()) return {true, "no answer"};
  return {true, answer[0] == 'R' ? "a password is asked for" : "refused"};
}

Outcome connect_loopback(int port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return of_call(-1);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return of_call(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

Outcome make_socket(int family, int type) {
  const UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, 0));
  return of_call(fd.get());
}

// From a process of ours that is not the one the manager watches, in the neighbour's name.
int pretend_to_be_the_neighbour(const Facts& facts) {
  const auto fd = connect_unix(fact(facts, "control-socket"));
  if (!fd) return errno;
  const std::string hello =
      R"({"mt":"ServiceHello","version":1,"service":"notes","pid":1,"apps":[],"plugins":[],"instances":[]})";
  const auto answer = ask(fd.get(), big_endian(static_cast<std::uint32_t>(hello.size())) + hello);
  return answer.empty() ? ECONNRESET : 0;
}

}  // namespace

std::vector<Attempt> socket_attempts() {
  return {
      {"connect to a loopback port",
       [](const Facts& facts) { return connect_loopback(std::atoi(fact(facts, "port").c_str())); }},
      {"make an internet socket", [](const Facts&) { return make_socket(AF_INET, SOCK_STREAM); }},
      {"listen to the wire (packet socket)", [](const Facts&) { return make_socket(AF_PACKET, SOCK_RAW); }},
      {"see the machine's sockets",
       [](const Facts& facts) -> Outcome {
         const auto table = read_file("/proc/self/net/unix", 16 << 20);
         if (!table) return {true, "no table"};
         const bool seen = table->find(fact(facts, "abstract")) != std::string::npos;
         return {!seen, seen ? "the machine's are listed" : "none but its own"};
       }},
      {"connect to an abstract socket of the machine",
       [](const Facts& facts) { return of_call(connect_unix(fact(facts, "abstract"), true) ? 0 : -1); }},
      {"connect to a socket in the machine's /tmp",
       [](const Facts& facts) { return of_call(connect_unix(fact(facts, "host-socket")) ? 0 : -1); }},
      {"speak to the manager as an admin",
       [](const Facts& facts) { return of_call(connect_unix(fact(facts, "manager-socket")) ? 0 : -1); }},
      {"speak to the manager as another service",
       [](const Facts& facts) { return in_child(pretend_to_be_the_neighbour, facts); }},
      {"log in to PostgreSQL as its superuser",
       [](const Facts& facts) { return log_in(facts, "berth", "postgres"); }},
      {"log in to the manager's database",
       [](const Facts& facts) { return log_in(facts, fact(facts, "role"), "manager"); }},
      {"log in to another instance's database without its password",
       [](const Facts& facts) { return log_in(facts, fact(facts, "role"), fact(facts, "role")); }},
  };
}

}  // namespace berth::escape
