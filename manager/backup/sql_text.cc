#include "manager/backup/sql_text.h"

#include "base/text.h"

namespace berth::manager {
namespace {

constexpr std::size_t kCopyPiece = 64 * 1024;
constexpr std::size_t kFirstWords = 5;  // CREATE OR REPLACE FUNCTION …

// Characters of names and keywords (PostgreSQL, scan.l, ident_cont).
bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

}  // namespace

Result<void> SqlTextReader::feed(std::string_view bytes, std::vector<SqlPart>& parts) {
  if (bytes.find('\0') != std::string_view::npos)
    return fail(Errc::kMalformed, "the SQL text holds a zero byte");
  while (!bytes.empty()) {
    if (state_ == State::kCopyData) {
      const auto end = bytes.find('\n');
      statement_.append(bytes.substr(0, end));
      if (statement_.size() > max_statement_bytes_)
        return fail(Errc::kTooLarge, "a row of the SQL text has more than {} bytes", max_statement_bytes_);
      if (end == std::string_view::npos) return {};
      bytes.remove_prefix(end + 1);
      take_copy_line(parts);
      continue;
    }
    step(bytes.front(), parts);
    bytes.remove_prefix(1);
    if (statement_.size() > max_statement_bytes_)
      return fail(Errc::kTooLarge, "a statement of the SQL text has more than {} bytes",
                  max_statement_bytes_);
  }
  return {};
}

Result<void> SqlTextReader::finish() const {
  const bool is_between =
      (state_ == State::kPlain || state_ == State::kLineComment) && trim(statement_).empty();
  if (!is_between) return fail(Errc::kMalformed, "the SQL text is cut off: it ends within a statement");
  return {};
}

void SqlTextReader::take_copy_line(std::vector<SqlPart>& parts) {
  if (std::exchange(is_after_copy_, false)) {
    statement_.clear();
    return;
  }
  if (statement_ == "\\." || statement_ == "\\.\r") {
    parts.push_back({SqlPart::Kind::kCopyEnd, ""});
    statement_.clear();
    state_ = State::kPlain;
    previous_ = '\n';
    return;
  }
  if (parts.empty() || parts.back().kind != SqlPart::Kind::kCopyData ||
      parts.back().text.size() >= kCopyPiece)
    parts.push_back({SqlPart::Kind::kCopyData, ""});
  parts.back().text.append(statement_).append("\n");
  statement_.clear();
}

void SqlTextReader::step(char c, std::vector<SqlPart>& parts) {
  switch (state_) {
    case State::kPlain: step_plain(c, parts); break;
    case State::kQuoted: step_quoted(c); break;
    case State::kDollar:
      statement_ += c;
      if (c == '$' && statement_.size() >= dollar_begin_ + tag_.size() && statement_.ends_with(tag_)) {
        tag_.clear();
        state_ = State::kPlain;
      }
      break;
    case State::kLineComment:
      if (c != '\n') break;
      statement_ += c;
      state_ = State::kPlain;
      break;
    case State::kBlockComment:
      if (previous_ == '/' && c == '*') ++comments_, c = 0;
      else if (previous_ == '*' && c == '/' && --comments_ == 0)
        statement_ += ' ', state_ = State::kPlain, c = ' ';
      break;
    case State::kPsqlCommand:
      if (c != '\n') {
        statement_ += c;
        break;
      }
      parts.push_back({SqlPart::Kind::kPsqlCommand, std::exchange(statement_, {})});
      state_ = State::kPlain;
      break;
    case State::kCopyData: break;  // taken by lines
  }
  previous_ = c;
}

void SqlTextReader::step_quoted(char c) {
  statement_ += c;
  if (std::exchange(is_hidden_, false)) return;
  if (has_escapes_ && c == '\\') is_hidden_ = true;
  else if (c == mark_) state_ = State::kPlain;  // a doubled mark comes straight back
}

void SqlTextReader::step_plain(char c, std::vector<SqlPart>& parts) {
  // A dollar quote's tag, or a parameter that only looked like one.
  if (!tag_.empty()) {
    statement_ += c;
    tag_ += c;
    const bool is_first_digit = tag_.size() == 2 && c >= '0' && c <= '9';
    if (c == '$') dollar_begin_ = statement_.size(), state_ = State::kDollar;
    else if (!is_name_character(c) || is_first_digit) tag_.clear();
    if (!tag_.empty() || is_first_digit) return;
    statement_.pop_back();  // an ordinary character after all
  }
  if (is_name_character(c)) {
    // After a dollar sign within a name the word goes on; only its length matters here.
    word_ += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    statement_ += c;
    return;
  }
  if (c == '$' && word_.empty()) {
    tag_ = "$";
    statement_ += c;
    return;
  }
  if (c == '\'' || c == '"') {
    const bool continues = previous_ == c && mark_ == c && state_ == State::kPlain && !statement_.empty();
    if (!continues) has_escapes_ = c == '\'' && word_ == "e";
    end_word();
    mark_ = c;
    state_ = State::kQuoted;
    statement_ += c;
    return;
  }
  end_word();
  if (c == '-' && previous_ == '-') {
    statement_.pop_back();
    state_ = State::kLineComment;
    return;
  }
  if (c == '*' && previous_ == '/') {
    statement_.pop_back();
    comments_ = 1;
    state_ = State::kBlockComment;
    return;
  }
  if (c == '\\' && trim(statement_).empty()) {
    statement_ = c;
    state_ = State::kPsqlCommand;
    return;
  }
  if (c == '(') ++parentheses_;
  if (c == ')' && parentheses_ > 0) --parentheses_;
  if (c == ';' && parentheses_ == 0 && bodies_ == 0) return end_statement(parts);
  if (statement_.empty() && is_space(c)) return;
  statement_ += c;
}

// Counts the bodies of CREATE FUNCTION … BEGIN ATOMIC … END, as psql does (psqlscan.l).
void SqlTextReader::end_word() {
  if (word_.empty()) return;
  const std::string word = std::exchange(word_, {});
  if (words_.size() < kFirstWords) words_.push_back(word);
  const std::size_t kind = words_.size() > 2 && words_[1] == "or" && words_[2] == "replace" ? 3 : 1;
  const bool makes_function = words_[0] == "create" && words_.size() > kind &&
                              (words_[kind] == "function" || words_[kind] == "procedure");
  if (!makes_function || parentheses_ > 0) return;
  if (word == "begin") ++bodies_;
  else if (word == "case" && bodies_ > 0) ++bodies_;
  else if (word == "end" && bodies_ > 0) --bodies_;
}

void SqlTextReader::end_statement(std::vector<SqlPart>& parts) {
  std::string text(trim(std::exchange(statement_, {})));
  const bool is_copy = !words_.empty() && words_[0] == "copy" && to_lower(text).ends_with(" from stdin");
  words_.clear();
  mark_ = 0;
  if (text.empty()) return;
  parts.push_back({is_copy ? SqlPart::Kind::kCopy : SqlPart::Kind::kStatement, std::move(text)});
  if (!is_copy) return;
  state_ = State::kCopyData;
  is_after_copy_ = true;
}

bool is_sql_dump(std::string_view head) { return head.starts_with("--\n-- PostgreSQL database dump\n"); }

bool is_about_rights(std::string_view statement) {
  for (const std::string_view front :
       {"GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES ", "SET SESSION AUTHORIZATION "})
    if (statement.starts_with(front)) return true;
  static constexpr std::string_view kOwner = " OWNER TO ";
  if (!statement.starts_with("ALTER ")) return false;
  const auto at = statement.rfind(kOwner);
  if (at == std::string_view::npos) return false;
  // One name to the end: quoted, or of name characters.
  auto owner = statement.substr(at + kOwner.size());
  if (owner.size() >= 2 && owner.front() == '"' && owner.back() == '"') {
    owner = owner.substr(1, owner.size() - 2);
    for (std::size_t i = 0; i < owner.size(); ++i)
      if (owner[i] == '"' && (i + 1 >= owner.size() || owner[++i] != '"')) return false;
    return true;
  }
  for (const char c : owner)
    if (!is_name_character(c) && c != '$') return false;
  return !owner.empty();
}

}  // namespace berth::manager
