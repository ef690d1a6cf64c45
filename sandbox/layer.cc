#include "sandbox/layer.h"

#include <array>

namespace berth::sandbox {
namespace {
constexpr std::array<std::string_view, kLayers> kNames = {
    "own user",        "no new privileges", "no capabilities", "limits",
    "mount namespace", "PID namespace",     "IPC namespace",   "seccomp",
    "Landlock",        "network namespace", "cgroup"};
constexpr std::array<std::string_view, 3> kWishes = {"required", "optional", "off"};

template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == name) return static_cast<Enum>(i);
  return std::nullopt;
}
}  // namespace

std::string_view name_of(Layer layer) { return kNames[static_cast<std::size_t>(layer)]; }
std::optional<Layer> parse_layer(std::string_view name) { return find_name<Layer>(kNames, name); }
std::string_view name_of(Wish wish) { return kWishes[static_cast<std::size_t>(wish)]; }
std::optional<Wish> parse_wish(std::string_view name) { return find_name<Wish>(kWishes, name); }

}  // namespace berth::sandbox
