#include "manager/supervise/log_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/unique_fd.h"

namespace berth::manager {

namespace {

struct LogFile {
  std::string path;
  timespec changed{};
  std::uint64_t size = 0;
};

// Newest first.
std::vector<LogFile> log_files(const std::string& folder) {
  std::vector<LogFile> files;
  DIR* directory = ::opendir(folder.c_str());
  if (!directory) return files;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name.find(".log") == std::string_view::npos) continue;
    LogFile file{folder + "/" + std::string(name)};
    struct stat info{};
    if (::lstat(file.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    file.changed = info.st_mtim;
    file.size = static_cast<std::uint64_t>(info.st_size);
    files.push_back(std::move(file));
  }
  ::closedir(directory);
  // What a process writes past its own log (stdout, a sanitizer's last words) goes to output.log; it is
  // the log only of programs that have no other.
  const auto is_output = [&](const LogFile& file) { return file.path == folder + "/output.log"; };
  if (!std::all_of(files.begin(), files.end(), is_output)) std::erase_if(files, is_output);
  std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) {
    return std::pair(a.changed.tv_sec, a.changed.tv_nsec) > std::pair(b.changed.tv_sec, b.changed.tv_nsec);
  });
  return files;
}

}  // namespace

FileEnd read_file_end(const std::string& path, std::size_t limit) {
  FileEnd end;
  // A service may have put a pipe where its log was.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return end;
  const auto size = static_cast<std::size_t>(info.st_size);
  const std::size_t from = size > limit ? size - limit : 0;
  auto& text = end.text;
  text.assign(size - from, '\0');
  std::size_t had = 0;
  while (had < text.size()) {
    const auto got = ::pread(fd.get(), text.data() + had, text.size() - had, static_cast<off_t>(from + had));
    if (got <= 0) break;
    had += static_cast<std::size_t>(got);
  }
  text.resize(had);
  end.is_cut = from > 0;
  if (end.is_cut) {
    const auto line_end = text.find('\n');
    text.erase(0, line_end == std::string::npos ? text.size() : line_end + 1);
  }
  return end;
}

bool is_line_of(std::string_view line, const std::string& instance) {
  return instance.empty() || line.find(" " + instance + " ") != std::string_view::npos;
}

std::string as_text(std::string_view line) {
  if (is_valid_utf8(line)) return std::string(line);
  std::string text;
  for (const char c : line) text += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return text;
}

std::string newest_log(const std::string& folder) {
  const auto files = log_files(folder);
  return files.empty() ? std::string() : files.front().path;
}

LogTail read_tail(const std::string& folder, std::size_t count, const std::string& instance) {
  LogTail tail;
  const auto files = log_files(folder);
  constexpr std::size_t kPerFile = 2 << 20;
  std::vector<std::string> newest_first;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto [text, is_cut] = read_file_end(files[i].path, kPerFile);
    if (i == 0) tail.size = files[i].size;
    auto lines = split(text, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      if (!is_line_of(*line, instance)) continue;
      if (newest_first.size() == count) {
        tail.truncated = true;
        break;
      }
      newest_first.push_back(as_text(*line));
    }
    if (is_cut) tail.truncated = true;
    if (tail.truncated || newest_first.size() == count) {
      tail.truncated = tail.truncated || i + 1 < files.size();
      break;
    }
  }
  tail.lines.assign(std::make_move_iterator(newest_first.rbegin()),
                    std::make_move_iterator(newest_first.rend()));
  return tail;
}

}  // namespace berth::manager
