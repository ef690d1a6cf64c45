// Reads the members of requests and refuses what is no good before it comes near the database.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apps/notes/model.h"
#include "base/result.h"

namespace berth::notes {

// Canonical lower-case form of a UUID (RFC 4122 section 3); kMalformed.
Result<std::string> parse_uuid(std::string_view text);

// Errors of all: kMalformed, kTooLarge, with the member's name. The find_… give nullopt when it is absent.
Result<std::string> read_id(const sdk::Message& message, std::string_view member);
Result<std::optional<std::string>> find_id(const sdk::Message& message, std::string_view member);
// UTF-8 of at most `limit` bytes without control characters other than tab and line ends.
Result<std::optional<std::string>> find_text(const sdk::Message& message, std::string_view member,
                                             std::size_t limit);
Result<std::optional<double>> find_position(const sdk::Message& message);
Result<std::optional<std::string>> find_color(const sdk::Message& message);

Result<Board> read_board(const sdk::Message& message);
Result<BoardChange> read_board_change(const sdk::Message& message);
Result<Note> read_note(const sdk::Message& message);
Result<NoteChange> read_note_change(const sdk::Message& message);

// The file name that may be stored: last part of a path, cut to Limits::kFileName at a character's
// end. kMalformed if nothing is left.
Result<std::string> parse_file_name(std::string_view name);

// `text` cut to at most `limit` bytes, never within a character; control characters become blanks.
std::string fit_text(std::string_view text, std::size_t limit);

}  // namespace berth::notes
