// What berth-launch is told by the manager: program, walls, and what may be seen through them.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sandbox/layer.h"

namespace berth::sandbox {

// A place of the machine that the service sees at the same path.
struct Place {
  enum class Use : std::uint8_t {
    kRead,     // read, and run programs
    kWrite,    // read and write, never run
    kSockets,  // a folder of Unix sockets to connect to
  };
  std::string path;
  Use use = Use::kRead;
  bool operator==(const Place&) const = default;
};

// A network of the service's own: the names and addresses of its wire to the machine (layers/own_network.h).
struct OwnNetwork {
  std::string interface;         // the wire's end outside
  std::string address, gateway;  // of its end inside, and of that outside; IPv4
  // What the service finds as /etc/hosts and /etc/resolv.conf; empty: the machine's.
  std::string hosts_file, resolver_file;
  std::string note;  // for people: what it leads to
  bool operator==(const OwnNetwork&) const = default;
};

struct LaunchSpec {
  std::string name;     // of the service
  std::string program;  // absolute path, within one of `places`
  std::vector<std::string> arguments, environment;
  std::string directory;  // where it begins
  uid_t uid = 0;          // 0: the manager's own user
  gid_t gid = 0;
  std::array<Wish, kLayers> wishes{};  // by Layer
  std::vector<Place> places;
  std::uint64_t tmp_bytes = 64 << 20;  // of the private /tmp, and of /dev/shm

  // Shares the machine's network instead of having a namespace of its own; then `network_why` says why. `is_network_missed`: it
  // should have had one.
  bool host_network = false;
  bool is_network_missed = false;
  std::string network_why;
  // Else it has one that leads nowhere, or this one.
  std::optional<OwnNetwork> own_network;
  // Why there is no PID namespace, if there is none: the launcher cannot know.
  std::string pids_why;

  std::vector<std::string> cgroups;  // folders to join; empty: none, and `cgroup_why` says why
  std::string cgroup_why;
  std::vector<std::pair<int, std::uint64_t>> limits;  // RLIMIT_… and value

  Wish wish(Layer layer) const { return wishes[static_cast<std::size_t>(layer)]; }
  void set_wish(Layer layer, Wish wish) { wishes[static_cast<std::size_t>(layer)] = wish; }
  bool operator==(const LaunchSpec&) const = default;
};

// The descriptors by which the manager and berth-launch speak.
inline constexpr int kSpecFd = 3;    // format_launch_spec(), read from its beginning
inline constexpr int kFilterFd = 4;  // seccomp program (sock_filter[]), read from its beginning
inline constexpr int kNotesFd = 5;   // launch_notes.h, appended to
inline constexpr int kReadyFd = 6;   // closed as soon as the service's program runs

// One line a fact, "key value". kMalformed if a value holds a line end or NUL, which no path we make does.
Result<std::string> format_launch_spec(const LaunchSpec& spec);
Result<LaunchSpec> parse_launch_spec(std::string_view text);

}  // namespace berth::sandbox
