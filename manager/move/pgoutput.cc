#include "manager/move/pgoutput.h"

namespace berth::manager::pgoutput {
namespace {

// Takes numbers and texts from the front; once it has failed everything it gives is empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char c : take(size)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  std::uint32_t relation() { return static_cast<std::uint32_t>(number(4)); }
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string text() {
    const auto end = rest_.find('\0');
    if (end == rest_.npos) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    std::string text(take(end));
    take(1);
    return text;
  }
  void refuse() { failed_ = true; }
  bool has_failed() const { return failed_; }
  bool is_at_end() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

Tuple read_tuple(Reader& reader) {
  Tuple tuple;
  const auto count = reader.number(2);
  for (std::uint64_t i = 0; i < count && !reader.has_failed(); ++i) {
    Value value;
    switch (reader.byte()) {
      case 'n': break;
      case 'u': value.kind = Value::Kind::kUnchanged; break;
      case 't':
        value.kind = Value::Kind::kText;
        value.text = reader.take(reader.number(4));
        break;
      default: reader.refuse();
    }
    tuple.push_back(std::move(value));
  }
  return tuple;
}

Relation read_relation(Reader& reader) {
  Relation relation;
  relation.id = reader.relation();
  relation.schema = reader.text();
  relation.name = reader.text();
  relation.identity = static_cast<char>(reader.byte());
  const auto count = reader.number(2);
  for (std::uint64_t i = 0; i < count && !reader.has_failed(); ++i) {
    Column column;
    column.is_key = reader.byte() & 1;
    column.name = reader.text();
    reader.number(8);  // type, its modifier
    relation.columns.push_back(std::move(column));
  }
  if (relation.schema.empty()) relation.schema = "pg_catalog";
  return relation;
}

Update read_update(Reader& reader) {
  Update update;
  update.relation = reader.relation();
  auto kind = reader.byte();
  if (kind == 'K' || kind == 'O') {
    update.is_old_whole = kind == 'O';
    update.old = read_tuple(reader);
    kind = reader.byte();
  }
  if (kind != 'N') reader.refuse();
  update.row = read_tuple(reader);
  return update;
}

Delete read_delete(Reader& reader) {
  Delete gone;
  gone.relation = reader.relation();
  const auto kind = reader.byte();
  if (kind != 'K' && kind != 'O') reader.refuse();
  gone.is_old_whole = kind == 'O';
  gone.old = read_tuple(reader);
  return gone;
}

Truncate read_truncate(Reader& reader) {
  Truncate truncate;
  const auto count = reader.number(4);
  reader.byte();  // cascade, restart identity: all tables are listed, sequences are set at the end
  for (std::uint64_t i = 0; i < count && !reader.has_failed(); ++i)
    truncate.relations.push_back(reader.relation());
  return truncate;
}

}  // namespace

Result<Message> parse(std::string_view bytes) {
  Reader reader(bytes);
  const auto kind = reader.byte();
  Message message = Other{};
  switch (kind) {
    case 'B':
      reader.take(8 + 8 + 4);
      message = Begin{};
      break;
    case 'C': {
      reader.take(1 + 8);
      const auto end = reader.number(8);
      reader.take(8);
      message = Commit{end};
      break;
    }
    case 'R': message = read_relation(reader); break;
    case 'I': {
      Insert insert{reader.relation(), {}};
      if (reader.byte() != 'N') reader.refuse();
      insert.row = read_tuple(reader);
      message = std::move(insert);
      break;
    }
    case 'U': message = read_update(reader); break;
    case 'D': message = read_delete(reader); break;
    case 'T': message = read_truncate(reader); break;
    case 'O':
    case 'Y':
    case 'M': return message;
    default: return fail(Errc::kMalformed, "change of unknown kind {}", static_cast<int>(kind));
  }
  if (!reader.is_at_end())
    return fail(Errc::kMalformed, "a change is cut off, or holds what does not belong");
  return message;
}

}  // namespace berth::manager::pgoutput
