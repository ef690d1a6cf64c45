// What the app is about, and its JSON (README, "Messages").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/message.h"

namespace berth::notes {

struct Board {
  std::string id;
  std::string title;
  double position = 0;
  bool is_removed = false;
};

struct File {
  std::string id;
  std::string note;
  std::string name;
  std::string type;
  std::uint64_t size = 0;
  std::string content;  // id of its bytes
};

struct Note {
  std::string id;
  std::string board;
  std::string text;
  std::string color;
  double position = 0;
  std::string author;
  std::string created_at, changed_by, changed_at;
  std::int64_t revision = 0;
  json::Array files;  // of File, as JSON
  bool is_removed = false;
};

// What EditBoard and EditNote may change; absent stays.
struct BoardChange {
  std::optional<std::string> title;
  std::optional<double> position;
};
struct NoteChange {
  std::optional<std::string> text, color, board;
  std::optional<double> position;
};

json::Object to_json(const Board& board);
json::Object to_json(const Note& note);
json::Object to_json(const File& file);

// In bytes of UTF-8 but for `files_a_note`.
struct Limits {
  static constexpr std::size_t kText = 16384;
  static constexpr std::size_t kTitle = 200;
  static constexpr std::size_t kFileName = 255;
  static constexpr std::size_t kPersonName = 200;
  static constexpr int kFilesANote = 20;
};

}  // namespace berth::notes
