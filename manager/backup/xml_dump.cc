#include <algorithm>

#include "base/text.h"
#include "db/database.h"
#include "manager/backup/backup.h"

namespace berth::manager {
namespace {

constexpr std::size_t kBatchBytes = 4 << 20;  // of one FETCH, about
constexpr std::size_t kMostRows = 1000;
constexpr std::uint32_t kByteaOid = 17;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\r': out += "&#13;"; break;  // would come back as a line feed (XML 1.0 section 2.11)
      default: out += c;
    }
  }
  return out;
}

// XML 1.0 section 2.2 leaves out most control characters and two code points.
bool is_xml_text(std::string_view text) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
  return text.find("\xef\xbf\xbe") == std::string_view::npos &&
         text.find("\xef\xbf\xbf") == std::string_view::npos;
}

std::string format_row(const db::Rows& rows, const db::Row& row) {
  std::string out = "  <row>";
  for (std::size_t column = 0; column < rows.column_count(); ++column) {
    const auto name = escaped(rows.column_name(column));
    if (row.is_null(column)) {
      out += fmt::format("<column name=\"{}\" null=\"true\"/>", name);
    } else if (rows.column_type(column) == kByteaOid) {
      out += fmt::format("<column name=\"{}\" encoding=\"base64\">{}</column>", name,
                         format_base64(row.get<Bytes>(column)));
    } else if (const auto text = row.text(column); !is_xml_text(text)) {
      out += fmt::format("<column name=\"{}\" encoding=\"base64\">{}</column>", name,
                         format_base64(as_bytes(text)));
    } else {
      out += fmt::format("<column name=\"{}\">{}</column>", name, escaped(text));
    }
  }
  return out + "</row>\n";
}

}  // namespace

Task<void> write_xml(loop::Loop& loop, db::ConnectionOptions source, std::vector<std::string> excluded,
                     BackupSink& sink) {
  db::DatabaseOptions options;
  options.connection = source;
  options.connection.application_name = "berth dbdump";
  options.wait_limit = std::chrono::seconds(10);
  db::Database database(loop, options);
  auto transaction = co_await database.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY");
  const auto tables = co_await transaction.query(
      "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = "
      "c.relnamespace "
      "WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'berth_backup') "
      "AND n.nspname !~ '^pg_(toast|temp)' ORDER BY 1, 2");

  co_await sink.write(fmt::format("<database name=\"{}\">\n", escaped(source.database)));
  for (const auto table : tables) {
    const auto schema = table.get<std::string>("schema"), name = table.get<std::string>("name");
    if (std::ranges::find(excluded, name) != excluded.end()) continue;
    co_await sink.write(fmt::format(" <table schema=\"{}\" name=\"{}\">\n", escaped(schema), escaped(name)));
    co_await transaction.query(fmt::format("DECLARE berth_dump NO SCROLL CURSOR FOR SELECT * FROM ONLY {}.{}",
                                           db::quote_identifier(schema), db::quote_identifier(name)));
    // The first row tells how large rows are; then as many at once as make about kBatchBytes.
    for (std::size_t count = 1;;) {
      const auto rows = co_await transaction.query(fmt::format("FETCH {} FROM berth_dump", count));
      if (rows.empty()) break;
      std::string text;
      for (const auto row : rows) text += format_row(rows, row);
      count = std::clamp<std::size_t>(kBatchBytes * rows.size() / (text.size() + 1), 1,
                                      std::min(kMostRows, count * 10));
      co_await sink.write(std::move(text));
    }
    co_await transaction.query("CLOSE berth_dump");
    co_await sink.write(" </table>\n");
  }
  co_await sink.write("</database>\n");
  co_await transaction.roll_back();
}

}  // namespace berth::manager
