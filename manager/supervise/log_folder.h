// The folder in which a process's log files lie: the newest is written, its predecessors were rotated away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace berth::manager {

// The newest log file in `folder`: the one that is written last among "*.log", "output.log" only if it is the
// only one; empty if there is none.
std::string newest_log(const std::string& folder);

struct LogTail {
  std::vector<std::string> lines;
  bool truncated = false;  // there are older ones
  std::uint64_t size = 0;  // of the newest file when it was read
};
// The last `count` lines over the newest and, if it is short, its predecessors. `instance`: only its lines ("" all).
LogTail read_tail(const std::string& folder, std::size_t count, const std::string& instance);

struct FileEnd {
  std::string text;
  bool is_cut = false;  // there is more before it; it begins with a whole line all the same
};
// At most the last `limit` bytes; empty if the file cannot be read.
FileEnd read_file_end(const std::string& path, std::size_t limit);

// Whether a line is of this instance ("": every line is).
bool is_line_of(std::string_view line, const std::string& instance);
// A line as UTF-8, which JSON wants; an app may have logged anything.
std::string as_text(std::string_view line);

}  // namespace berth::manager
