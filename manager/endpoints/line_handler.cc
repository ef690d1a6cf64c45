#include "manager/endpoints/line_handler.h"

#include "base/log.h"
#include "base/text.h"
#include "loop/sync.h"

namespace berth::manager {

using loop::Task;

struct LineHandler::Line final : sdk::Websocket::Data {
  std::unique_ptr<ByteLine> bytes;
  std::unique_ptr<loop::Spawned<void>> reading;  // before `bytes` goes
};

namespace {

Task<void> read_all(ByteLine& line, sdk::Websocket& socket) {
  try {
    for (;;) {
      const auto bytes = co_await line.read();
      if (bytes.empty()) break;
      socket.send_binary(bytes);
      co_await socket.drained();
    }
  } catch (const Failure& failure) {
    BERTH_LOG(kDatabase, "a line from another platform ended", {"error", failure.error().detail});
  }
  socket.close(1000, "the database has ended the session");
}

}  // namespace

LineHandler::LineHandler(loop::Loop& loop, Arrivals& arrivals, std::function<bool(const std::string&)> is_key)
    : loop_(loop), arrivals_(arrivals), is_key_(std::move(is_key)) {}

sdk::WebsocketLimits LineHandler::limits() {
  // Pieces of at most 1 MiB come; rows of a database hardly shrink, and TLS would have them compressed for nothing.
  return {.message_bytes = 2 << 20, .send_bytes = 8 << 20, .compress = false};
}

std::uint16_t LineHandler::admit(const sdk::Upgrade& upgrade) {
  const auto mark = upgrade.target.find('?');
  const std::string_view query =
      mark == std::string::npos ? std::string_view() : std::string_view(upgrade.target).substr(mark + 1);
  const auto key = find_query_argument(query, "key");
  const auto token = find_query_argument(query, "token");
  if (!key || !token || !is_key_(*key)) return 403;
  token_ = *token;
  return 0;
}

Task<void> LineHandler::opened(sdk::Websocket& socket) {
  const std::string token = std::move(token_);
  auto line = std::make_unique<Line>();
  std::optional<Error> error;
  try {
    line->bytes = co_await arrivals_.open_line(token);
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (error) {
    socket.close(1008, error->detail.substr(0, 120));
    co_return;
  }
  line->reading = std::make_unique<loop::Spawned<void>>(loop_, read_all(*line->bytes, socket));
  socket.data = std::move(line);
}

Task<void> LineHandler::received(sdk::Websocket& socket, Bytes message, bool) {
  if (!socket.data) co_return;
  co_await static_cast<Line&>(*socket.data).bytes->write(std::move(message));
}

}  // namespace berth::manager
