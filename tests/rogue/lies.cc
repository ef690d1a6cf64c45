#include "tests/rogue/lies.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <random>
#include <string_view>

#include "base/unique_fd.h"

namespace berth::rogue {
namespace {

using std::operator""sv;

// Of docs/protocols/control.md: those that a service may say, those that others may, and one that nobody knows.
constexpr std::array kMessages = {"ServiceHello"sv,   "AppStarted"sv,
                                  "AppStartFailed"sv, "AppStopped"sv,
                                  "AppSendStatus"sv,  "AppSendAlarm"sv,
                                  "AppSelfChecked"sv, "Pong"sv,
                                  "Counters"sv,       "AppServiceShutdownComplete"sv,
                                  "WebserverHello"sv, "WebserverReady"sv,
                                  "WebserverAlarm"sv, "Listeners"sv,
                                  "Error"sv,          "Ok"sv,
                                  "SetGrant"sv,       "GetCounters"sv,
                                  "Truth"sv};
constexpr std::array kMembers = {
    "version"sv,   "service"sv,        "pid"sv,          "build"sv,         "label"sv,       "title"sv,
    "apps"sv,      "plugins"sv,        "instances"sv,    "name"sv,          "domain"sv,      "error"sv,
    "errorCode"sv, "status"sv,         "detail"sv,       "webserverPath"sv, "type"sv,        "severity"sv,
    "code"sv,      "text"sv,           "details"sv,      "src"sv,           "checked"sv,     "problems"sv,
    "selfCheck"sv, "flightRecorder"sv, "databaseType"sv, "reactors"sv,      "linkSockets"sv, "active"sv,
    "alarm"sv};
constexpr std::array kValues = {
    "null"sv,
    "true"sv,
    "0"sv,
    "1"sv,
    "2"sv,
    "-1"sv,
    "1e308"sv,
    "9223372036854775807"sv,
    "18446744073709551615"sv,
    "-9223372036854775808"sv,
    "\"\""sv,
    "\"1\""sv,
    "\"rogue\""sv,
    "\"notes\""sv,
    "\"r\""sv,
    "\"team\""sv,
    "\"example.com\""sv,
    "\"../../etc\""sv,
    "\"\\u0000\""sv,
    "\"\\ud800\""sv,
    "\"mysql\""sv,
    "\"running\""sv,
    "[]"sv,
    "{}"sv,
    "[null,1,{},[]]"sv,
    R"([{"name":"team","domain":"example.com"}])"sv,
    R"([{"name":"r","domain":"example.com","sessions":-5,"requests":1e300,"run":7}])"sv};

std::string frame_of(std::string_view text, std::uint32_t size) {
  std::string frame;
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(size >> shift & 0xff);
  return frame + std::string(text);
}

// Well-formed, and about what is another's: it runs that one's instance, which has an alarm.
constexpr std::array kSlander = {
    R"({"mt":"ServiceHello","version":1,"service":"rogue","pid":1,"build":"1","instances":[{"name":"team","domain":"example.com"}]})"sv,
    R"({"mt":"AppSendAlarm","type":0,"severity":2,"code":7,"text":"slander","name":"team","domain":"example.com"})"sv,
    R"({"mt":"AppSendStatus","name":"team","domain":"example.com","status":"stopped","detail":"slander"})"sv};

class Liar {
 public:
  explicit Liar(std::uint64_t seed) : chance_(seed) {}

  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(chance_);
  }

  std::string bytes() {
    std::string made(below(300), '\0');
    for (auto& one : made) one = static_cast<char>(below(256));
    return made;
  }

  std::string value() {
    switch (below(20)) {
      case 0: return "\"" + std::string(below(200'000), 'x') + "\"";
      case 1: return std::string(1'000, '[') + std::string(1'000, ']');
      default: return std::string(kValues[below(kValues.size())]);
    }
  }

  std::string message() {
    std::string text = R"({"mt":")" + std::string(kMessages[below(kMessages.size())]) + "\"";
    for (auto count = below(8); count > 0; --count)
      text += ",\"" + std::string(kMembers[below(kMembers.size())]) + "\":" + value();
    if (below(30) == 0) return text;  // not closed
    return text + "}";
  }

  std::string control_frame() {
    if (below(25) == 0) return bytes();
    const std::string text = message();
    auto size = static_cast<std::uint32_t>(text.size());
    if (below(25) == 0) size += static_cast<std::uint32_t>(below(5'000));
    if (below(60) == 0) size = 0xffffffff;
    return frame_of(text, size);
  }

  // Some 12 bytes of head, little-endian (docs/protocols/link.md), and anything behind them.
  std::string link_frame() {
    constexpr std::string_view kTypes = "\x01\x02\x03\x04\x05\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x80"sv;
    if (below(20) == 0) return bytes();
    std::string payload = bytes();
    if (below(3) == 0) payload += "/example.com/team"sv;
    auto size = static_cast<std::uint32_t>(payload.size());
    if (below(20) == 0) size = static_cast<std::uint32_t>(below(1'000'000));
    std::string frame;
    for (int shift = 0; shift < 32; shift += 8) frame += static_cast<char>(size >> shift & 0xff);
    frame += below(10) == 0 ? static_cast<char>(below(256)) : kTypes[below(kTypes.size())];
    frame += static_cast<char>(below(8));
    frame += static_cast<char>(below(2));
    frame += '\0';
    for (int i = 0; i < 4; ++i) frame += i == 0 ? static_cast<char>(below(6)) : '\0';
    return frame + payload;
  }

 private:
  std::mt19937_64 chance_;
};

UniqueFd connect_to(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!fd || path.size() >= sizeof address.sun_path) return UniqueFd();
  std::memcpy(address.sun_path, path.data(), path.size());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return UniqueFd();
  const timeval patience{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return fd;
}

// False once the other side had enough of it.
bool say(int fd, const std::string& frame) {
  std::array<char, 4096> ignored;
  while (::recv(fd, ignored.data(), ignored.size(), MSG_DONTWAIT) > 0) {}
  for (std::size_t sent = 0; sent < frame.size();) {
    const auto now = ::send(fd, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
    if (now <= 0) return false;
    sent += static_cast<std::size_t>(now);
  }
  return true;
}

}  // namespace

void tell_lies(const std::string& control_socket, std::uint64_t seed, int rounds) {
  Liar liar(seed);
  const std::string folder = control_socket.substr(0, control_socket.rfind('/'));
  int told = 0;
  if (const UniqueFd fd = connect_to(control_socket))
    for (const auto text : kSlander)
      told += say(fd.get(), frame_of(text, static_cast<std::uint32_t>(text.size())));
  for (int round = 0; round < rounds; ++round) {
    const bool is_control = liar.below(2) == 0;
    const UniqueFd fd = connect_to(is_control ? control_socket : folder + "/link.0.sock");
    if (!fd) continue;
    for (auto left = 1 + liar.below(30); left > 0; --left) {
      if (!say(fd.get(), is_control ? liar.control_frame() : liar.link_frame())) break;
      ++told;
    }
  }
  std::printf("LIES %d\n", told);
  std::fflush(stdout);
}

}  // namespace berth::rogue
