#include "apps/notes/model.h"

#include <boost/json/array.hpp>

namespace berth::notes {

json::Object to_json(const Board& board) {
  return {{"id", board.id}, {"title", board.title}, {"position", board.position}};
}

json::Object to_json(const Note& note) {
  return {{"id", note.id},
          {"board", note.board},
          {"text", note.text},
          {"color", note.color},
          {"position", note.position},
          {"author", note.author},
          {"createdAt", note.created_at},
          {"changedBy", note.changed_by},
          {"changedAt", note.changed_at},
          {"revision", note.revision},
          {"files", note.files}};
}

json::Object to_json(const File& file) {
  return {{"id", file.id}, {"name", file.name}, {"type", file.type}, {"size", file.size}};
}

}  // namespace berth::notes
