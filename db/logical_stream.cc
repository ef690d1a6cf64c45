#include "db/logical_stream.h"

#include <charconv>

#include "loop/sync.h"

namespace berth::db {
namespace {

constexpr std::size_t kChangeHead = 25;  // 'w', start, end, clock
constexpr std::size_t kSignHead = 18;    // 'k', end, clock, answer wanted
// Of the protocol: 2000-01-01 in seconds since 1970.
constexpr std::int64_t kEpoch = 946'684'800;

void append_number(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes.substr(0, 8)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::optional<std::uint32_t> parse_half(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string format_log_place(LogPlace place) {
  return fmt::format("{:X}/{:X}", place >> 32, place & 0xffff'ffff);
}

Result<LogPlace> parse_log_place(std::string_view text) {
  const auto slash = text.find('/');
  const auto high = parse_half(text.substr(0, slash));
  const auto low = slash == text.npos ? std::nullopt : parse_half(text.substr(slash + 1));
  if (!high || !low) return fail(Errc::kMalformed, "\"{}\" is no place in the log", text);
  return LogPlace{*high} << 32 | *low;
}

Task<std::unique_ptr<LogicalStream>> LogicalStream::open(loop::Loop& loop, ConnectionOptions place) {
  place.other.emplace_back("replication", "database");
  // As the receiver reads them, whatever the database or its role prefers.
  place.other.emplace_back(
      "options",
      "-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=3 "
      "-c bytea_output=hex -c wal_sender_timeout=0");
  auto opening = Connection::open(loop, std::move(place), std::chrono::milliseconds(0));
  auto connection = co_await opening;
  co_return std::unique_ptr<LogicalStream>(new LogicalStream(std::move(connection)));
}

Task<LogicalStream::Slot> LogicalStream::create_slot(std::string name) {
  const auto rows = co_await connection_->run_simple(
      fmt::format("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput (SNAPSHOT 'export')", quote_identifier(name)));
  const auto row = rows.front();
  Slot slot;
  slot.from = or_throw(parse_log_place(row.text("consistent_point")));
  slot.snapshot = row.text("snapshot_name");
  co_return slot;
}

Task<void> LogicalStream::start(std::string slot, LogPlace from, std::string publication) {
  co_await connection_->begin_stream(fmt::format(
      "START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {})",
      quote_identifier(slot), format_log_place(from), quote_literal(quote_identifier(publication))));
}

Task<std::optional<LogicalStream::Piece>> LogicalStream::next(std::chrono::milliseconds limit) {
  auto taken = co_await connection_->take_stream(limit);
  if (!taken) co_return std::nullopt;
  Piece piece{{}, 0};
  if (taken->size() >= kChangeHead && taken->front() == 'w') {
    piece.message = taken->substr(kChangeHead);
  } else if (taken->size() >= kSignHead && taken->front() == 'k') {
    piece.decoded_until = read_number(std::string_view(*taken).substr(1));
  } else {
    throw_failure(Errc::kMalformed, "the stream of changes brought what is none");
  }
  co_return std::move(piece);
}

Task<void> LogicalStream::confirm(LogPlace place, bool ask) {
  const auto now = std::chrono::system_clock::now().time_since_epoch() - std::chrono::seconds(kEpoch);
  std::string status = "r";
  for (int field = 0; field < 3; ++field) append_number(status, place);  // written, flushed, applied
  append_number(
      status, static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
  status += ask ? '\1' : '\0';
  co_await connection_->put_copy(std::move(status));
}

}  // namespace berth::db
