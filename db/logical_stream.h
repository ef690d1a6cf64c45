// The changes of one database as PostgreSQL decodes them from its log (PostgreSQL 15, "Streaming Replication Protocol" and
// "Logical Decoding"), with its own plug-in pgoutput.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "db/connection.h"

namespace berth::db {

// A place in the log. "16/B374D848" is what the server writes; kMalformed for anything else.
using LogPlace = std::uint64_t;
std::string format_log_place(LogPlace place);
Result<LogPlace> parse_log_place(std::string_view text);

// Owns one replication connection. Used by one task at a time.
class LogicalStream {
 public:
  // A role with the right to replicate. Throws as Connection::open().
  static Task<std::unique_ptr<LogicalStream>> open(loop::Loop& loop, ConnectionOptions place);

  struct Slot {
    LogPlace from = 0;  // every transaction that commits after it comes in the stream
    std::string
        snapshot;  // shows what was committed until then; can be imported until the next call or the end
  };
  // A slot that outlives connection and server; the log is kept from there on until the slot is dropped. Waits until all
  // transactions of the cluster that run now have ended. If cancelled there may be a slot. `name`: [a-z0-9_]{1,63}.
  Task<Slot> create_slot(std::string name);

  // Lets the stream begin: all transactions that committed after `from` (0: after what was confirmed), in the order of
  // their commits, tables of this publication only. No other call but next() and confirm() afterwards.
  Task<void> start(std::string slot, LogPlace from, std::string publication);

  struct Piece {
    std::string message;     // of pgoutput; empty: nothing but a sign of life
    LogPlace decoded_until;  // a sign of life: what lies before has been sent
  };
  // nullopt: nothing came within `limit`. Throws ConnectionLost, SqlFailure (the slot was given up, …).
  Task<std::optional<Piece>> next(std::chrono::milliseconds limit);

  // Everything before `place` is safe at the receiver, the log may go. `ask`: for a sign of life at once.
  Task<void> confirm(LogPlace place, bool ask);

 private:
  explicit LogicalStream(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
  std::unique_ptr<Connection> connection_;
};

}  // namespace berth::db
