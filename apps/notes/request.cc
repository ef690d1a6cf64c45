#include "apps/notes/request.h"

#include <array>
#include <cmath>

#include "base/text.h"

namespace berth::notes {
namespace {

constexpr std::array<std::string_view, 6> kColors = {"yellow", "green", "blue", "pink", "violet", "grey"};

bool is_control(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return byte < 0x20 || byte == 0x7f;
}
bool may_stand_in_text(char character) {
  return !is_control(character) || character == '\n' || character == '\r' || character == '\t';
}

const json::Value* find_member(const sdk::Message& message, std::string_view member) {
  const auto* value = message.body().if_contains(member);
  return value && !value->is_null() ? value : nullptr;
}

template <class T>
Result<T> require(Result<std::optional<T>> found, std::string_view member) {
  if (!found) return tl::unexpected(std::move(found.error()));
  if (!*found) return fail(Errc::kMalformed, "{} is missing", member);
  return std::move(**found);
}

}  // namespace

Result<std::string> parse_uuid(std::string_view text) {
  const auto bad = [&] { return fail(Errc::kMalformed, "not a UUID"); };
  if (text.size() != 36) return bad();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return bad();
  }
  return to_lower(text);
}

Result<std::optional<std::string>> find_id(const sdk::Message& message, std::string_view member) {
  const auto* value = find_member(message, member);
  if (!value) return std::nullopt;
  if (!value->is_string()) return fail(Errc::kMalformed, "{}: not text", member);
  auto id = parse_uuid(value->get_string());
  if (!id) return tl::unexpected(std::move(id.error()).within(member));
  return std::optional(std::move(*id));
}

Result<std::string> read_id(const sdk::Message& message, std::string_view member) {
  return require(find_id(message, member), member);
}

Result<std::optional<std::string>> find_text(const sdk::Message& message, std::string_view member,
                                             std::size_t limit) {
  const auto* value = find_member(message, member);
  if (!value) return std::nullopt;
  if (!value->is_string()) return fail(Errc::kMalformed, "{}: not text", member);
  std::string text(value->get_string());
  if (text.size() > limit)
    return fail(Errc::kTooLarge, "{}: {} bytes, at most {} are possible", member, text.size(), limit);
  if (!is_valid_utf8(text)) return fail(Errc::kMalformed, "{}: not UTF-8", member);
  if (!std::all_of(text.begin(), text.end(), may_stand_in_text))
    return fail(Errc::kMalformed, "{}: has control characters", member);
  return std::optional(std::move(text));
}

Result<std::optional<double>> find_position(const sdk::Message& message) {
  const auto* value = find_member(message, "position");
  if (!value) return std::nullopt;
  const double position = value->is_number() ? value->to_number<double>() : std::nan("");
  if (!std::isfinite(position)) return fail(Errc::kMalformed, "position: not a finite number");
  return std::optional(position);
}

Result<std::optional<std::string>> find_color(const sdk::Message& message) {
  const auto* value = find_member(message, "color");
  if (!value) return std::nullopt;
  const auto* text = value->if_string();
  if (!text || std::find(kColors.begin(), kColors.end(), std::string_view(*text)) == kColors.end())
    return fail(Errc::kMalformed, "color: none of {}", fmt::join(kColors, " "));
  return std::optional(std::string(*text));
}

Result<Board> read_board(const sdk::Message& message) {
  Board board;
  BERTH_TRY(board.id, read_id(message, "id"));
  BERTH_TRY(board.title, require(find_text(message, "title", Limits::kTitle), "title"));
  BERTH_TRY(board.position, require(find_position(message), "position"));
  return board;
}

Result<BoardChange> read_board_change(const sdk::Message& message) {
  BoardChange change;
  BERTH_TRY(change.title, find_text(message, "title", Limits::kTitle));
  BERTH_TRY(change.position, find_position(message));
  return change;
}

Result<Note> read_note(const sdk::Message& message) {
  Note note;
  BERTH_TRY(note.id, read_id(message, "id"));
  BERTH_TRY(note.board, read_id(message, "board"));
  BERTH_TRY(note.text, require(find_text(message, "text", Limits::kText), "text"));
  BERTH_TRY(note.color, require(find_color(message), "color"));
  BERTH_TRY(note.position, require(find_position(message), "position"));
  return note;
}

Result<NoteChange> read_note_change(const sdk::Message& message) {
  NoteChange change;
  BERTH_TRY(change.text, find_text(message, "text", Limits::kText));
  BERTH_TRY(change.color, find_color(message));
  BERTH_TRY(change.board, find_id(message, "board"));
  BERTH_TRY(change.position, find_position(message));
  return change;
}

Result<std::string> parse_file_name(std::string_view name) {
  const auto slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  if (!is_valid_utf8(name)) return fail(Errc::kMalformed, "name: not UTF-8");
  std::string fitted(trim(fit_text(name, Limits::kFileName)));
  if (fitted.empty() || fitted == "." || fitted == "..") return fail(Errc::kMalformed, "name: is missing");
  return fitted;
}

std::string fit_text(std::string_view text, std::size_t limit) {
  if (text.size() > limit) {
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text = text.substr(0, end);
  }
  std::string fitted(text);
  std::replace_if(fitted.begin(), fitted.end(), is_control, ' ');
  return fitted;
}

}  // namespace berth::notes
