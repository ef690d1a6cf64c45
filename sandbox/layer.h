// The walls around an app service, by name, and what became of each of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::sandbox {

enum class Layer : std::uint8_t {
  kUser,          // a Unix user of its own
  kPrivileges,    // no_new_privs
  kCapabilities,  // none, and none to be had
  kLimits,        // rlimits
  kMounts,        // own view of the file system
  kPids,          // own PID namespace
  kIpc,           // own IPC namespace
  kSeccomp,       // system call filter
  kLandlock,      // access rules of the kernel's own, below the file permissions
  kNetwork,       // own network namespace
  kCgroup,        // memory, tasks and CPU
};
inline constexpr int kLayers = 11;

// "own user", "no new privileges", … as people and the API read them.
std::string_view name_of(Layer layer);
std::optional<Layer> parse_layer(std::string_view name);

// What is wanted of a layer.
enum class Wish : std::uint8_t {
  kRequired,  // without it the service does not start
  kOptional,  // taken where the kernel gives it, reported where not
  kOff,       // an admin switched it off
};
std::string_view name_of(Wish wish);
std::optional<Wish> parse_wish(std::string_view name);

// State of one layer of one process: "on", "unavailable" (with why), "off".
struct LayerState {
  std::string layer;
  std::string state;
  std::string why;
  bool operator==(const LayerState&) const = default;
};

}  // namespace berth::sandbox
