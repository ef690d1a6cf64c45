// What berth-launch is told by the manager: program, walls, and what may be seen through them.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
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

  // Shares the machine's network instead of having a namespace of its own; then `network_why` says why.
  bool host_network = false;
  std::string network_why;
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
