#include "sandbox/launch_notes.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace berth::sandbox {
namespace {

void put(int fd, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  [[maybe_unused]] const auto written = ::write(fd, line.data(), line.size());
}

}  // namespace

void note_main(int fd, pid_t main) { put(fd, fmt::format("main {}", main)); }
void note_layer(int fd, const LayerState& state) {
  put(fd, fmt::format("layer {}\t{}\t{}", state.layer, state.state, state.why));
}
void note_cgroup(int fd, std::string_view folder) { put(fd, fmt::format("cgroup {}", folder)); }
void note_failed(int fd, std::string_view why) { put(fd, fmt::format("failed {}", why)); }
void note_ended(int fd, int status) { put(fd, fmt::format("ended {}", status)); }

LaunchNotes parse_launch_notes(std::string_view text) {
  LaunchNotes notes;
  bool is_first = true;
  for (const auto line : split(text, '\n')) {
    const auto space = line.find(' ');
    const auto key = line.substr(0, space);
    const auto value = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    if (std::exchange(is_first, false)) {
      if (const auto pid = parse_integer(trim(line)); pid && *pid > 1) notes.pid = static_cast<pid_t>(*pid);
    } else if (key == "main") {
      if (const auto pid = parse_integer(value); pid && *pid > 1) notes.main = static_cast<pid_t>(*pid);
    } else if (key == "layer") {
      const auto parts = split(value, '\t');
      if (parts.size() == 3)
        notes.layers.push_back({std::string(parts[0]), std::string(parts[1]), std::string(parts[2])});
    } else if (key == "cgroup") {
      notes.cgroups.emplace_back(value);
    } else if (key == "failed") {
      notes.failed = value;
    } else if (key == "ended") {
      if (const auto status = parse_integer(value)) notes.ended = static_cast<int>(*status);
    }
  }
  return notes;
}

}  // namespace berth::sandbox
