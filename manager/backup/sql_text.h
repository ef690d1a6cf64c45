// SQL text as pg_dump --format=plain writes it, in pieces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace berth::manager {

// One part of a dump as text, in order.
struct SqlPart {
  enum class Kind : std::uint8_t {
    kStatement,  // without its ';'
    kCopy,       // a COPY … FROM stdin statement; kCopyData parts and one kCopyEnd follow
    kCopyData,   // whole lines
    kCopyEnd,
    kPsqlCommand  // a line for psql that begins with a backslash, as "\restrict …"
  };
  Kind kind;
  std::string text;
};

// Cuts the text into statements as psql does (its lexer: quotes, E'' and dollar quotes, comments,
// parentheses, BEGIN ATOMIC bodies) without understanding them. Any split of the input gives the same
// statements. A value; not restartable.
class SqlTextReader {
 public:
  explicit SqlTextReader(std::size_t max_statement_bytes = 64 << 20)
      : max_statement_bytes_(max_statement_bytes) {}

  // Takes the next bytes; appends the parts that are whole now. kTooLarge for a statement or line above
  // the limit, kMalformed for zero bytes.
  Result<void> feed(std::string_view bytes, std::vector<SqlPart>& parts);
  // After the last bytes: kMalformed when the text ends within a statement, a quote, or COPY data.
  Result<void> finish() const;

 private:
  enum class State : std::uint8_t {
    kPlain,
    kQuoted,
    kDollar,
    kLineComment,
    kBlockComment,
    kPsqlCommand,
    kCopyData
  };
  void step(char c, std::vector<SqlPart>& parts);
  void step_plain(char c, std::vector<SqlPart>& parts);
  void step_quoted(char c);
  void end_word();
  void end_statement(std::vector<SqlPart>& parts);
  void take_copy_line(std::vector<SqlPart>& parts);

  const std::size_t max_statement_bytes_;
  State state_ = State::kPlain;
  std::string statement_;  // so far, without comments; or the line for psql, or of COPY data
  char previous_ = 0;
  // Of quotes: which mark, and whether backslashes hide the next character (E'…').
  char mark_ = 0;
  bool has_escapes_ = false, is_hidden_ = false;
  std::string tag_;                 // of a dollar quote, "$tag$"; while it is read, its front
  std::size_t dollar_begin_ = 0;    // where in statement_ the quoted text begins
  std::string word_;                // keyword or name being read, in lower case
  std::vector<std::string> words_;  // the first few of the statement
  int parentheses_ = 0, comments_ = 0, bodies_ = 0;
  bool is_after_copy_ = false;  // the line feed behind COPY … FROM stdin; is still to come
};

// Do these first bytes begin a dump as pg_dump writes SQL text?
bool is_sql_dump(std::string_view head);

// Statements that plain dumps hold about owners and rights, which a restore into another role leaves out
// (as pg_restore --no-owner --no-privileges does).
bool is_about_rights(std::string_view statement);

}  // namespace berth::manager
