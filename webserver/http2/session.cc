#include "webserver/http2/session.h"

#include <sys/uio.h>

#include <algorithm>

#include "base/log.h"
#include "webserver/http2/stream.h"
#include "webserver/reactor.h"

namespace berth::webserver::http2 {
namespace {

constexpr std::size_t kCollect = 1 << 16;      // bytes of output between two writes
constexpr std::size_t kShareOfTurn = 1 << 18;  // of one connection
// Frames that wait for a client that does not read before it is not read from either. More than all streams
// and the answers to PINGs and SETTINGS that nghttp2 itself bounds.
constexpr std::size_t kMostQueued = 4096;

std::string_view text_of(nghttp2_rcbuf* buffer) {
  const auto view = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(view.base), view.len};
}

bool is_clients_fault(std::uint32_t code) {
  return code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_FLOW_CONTROL_ERROR ||
         code == NGHTTP2_STREAM_CLOSED || code == NGHTTP2_REFUSED_STREAM;
}

nghttp2_nv field_of(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

// nghttp2's way to us. Frames have been checked against RFC 9113 before these are called.
struct Session::Callbacks {
  static Session& self(void* user) { return *static_cast<Session*>(user); }
  static Stream* find(nghttp2_session* session, std::int32_t id) {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }
  static bool opens_request(const nghttp2_frame* frame) {
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* hd, void* user) {
    auto& me = self(user);
    // nghttp2 passes both over: it ignores PRIORITY as a whole, and HEADERS of streams it does not know any more.
    if (hd->type == NGHTTP2_PRIORITY && hd->stream_id == 0) me.end(NGHTTP2_PROTOCOL_ERROR);
    if (hd->type == NGHTTP2_HEADERS) {
      if (me.was_skipped(hd->stream_id)) me.end(NGHTTP2_PROTOCOL_ERROR);
      me.opened_ += hd->stream_id > me.last_;
      me.last_ = std::max(me.last_, hd->stream_id);
    }
    const bool is_body =
        hd->type == NGHTTP2_DATA && (hd->length > 0 || (hd->flags & NGHTTP2_FLAG_END_STREAM));
    if (hd->type == NGHTTP2_RST_STREAM) return 0;  // on_closed counts
    if (!is_body && hd->type != NGHTTP2_HEADERS) me.spend(Patience::kFrame);
    return 0;
  }

  // Frames of unknown types: counted above, then ignored (RFC 9113 section 5.5).
  static int on_unknown(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) {
    return NGHTTP2_ERR_CANCEL;
  }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& me = self(user);
    if (!me.in_headers_) {
      me.in_headers_ = true;
      me.connection_.set_deadline(milliseconds(me.connection_.reactor().limits().head_ms));
    }
    if (opens_request(frame))
      me.reader_ = std::make_unique<HeadReader>(head_limits(me.connection_.reactor().limits()));
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, std::uint8_t, void* user) {
    auto& me = self(user);
    if (opens_request(frame) && me.reader_) me.reader_->add(text_of(name), text_of(value));
    return 0;  // trailers are read and dropped, as with HTTP/1.1
  }

  // RFC 9113 section 8.2.1: such a request is malformed, not shorter by a field.
  static int on_invalid_header(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf*,
                               nghttp2_rcbuf*, std::uint8_t, void*) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto& me = self(user);
    const bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (frame->hd.type == NGHTTP2_HEADERS) {
      me.in_headers_ = false;
      if (opens_request(frame)) {
        me.on_request(frame->hd.stream_id, ends);
        return 0;
      }
    }
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) && me.draining_) {
      // A round trip after the notice: the client knows, and what crossed with it has come.
      nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session),
                            NGHTTP2_NO_ERROR, nullptr, 0);
    }
    if (ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
      if (auto* stream = find(session, frame->hd.stream_id)) stream->end_of_input();
    return 0;
  }

  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user) {
    auto* stream = find(session, id);
    // nghttp2 hands out parts of what receive() got, which may be written to: a WebSocket's frames are unmasked in
    // place.
    if (stream) self(user).deliver(*stream, {const_cast<std::uint8_t*>(data), size});
    else nghttp2_session_consume(session, id, size);
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
    self(user).on_closed(id);
    return 0;
  }

  static int on_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    const bool ends = (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
                      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    if (frame->hd.type == NGHTTP2_RST_STREAM && is_clients_fault(frame->rst_stream.error_code))
      self(user).spend(Patience::kReset);
    // The whole answer is out although the client still sends: it need not (RFC 9113 section 8.1).
    if (ends && nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    return 0;
  }

  static ssize_t on_offer(nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t most,
                          std::uint32_t* flags, nghttp2_data_source*, void*) {
    const auto* stream = find(session, id);
    if (!stream) return NGHTTP2_ERR_DEFERRED;  // its reset is on the way
    bool is_last = false;
    const auto count = stream->available(most, is_last);
    if (is_last) *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (count == 0) return NGHTTP2_ERR_DEFERRED;
    if (count > 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return static_cast<ssize_t>(count);
  }

  static int on_send_data(nghttp2_session* session, nghttp2_frame* frame, const std::uint8_t* head,
                          std::size_t size, nghttp2_data_source*, void* user) {
    constexpr std::size_t kFrameHead = 9;
    auto& me = self(user);
    auto* stream = find(session, frame->hd.stream_id);
    if (!stream) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    me.add_small({head, kFrameHead});
    const auto bytes = stream->fetch(size);
    me.pieces_.push_back({bytes.data(), 0, bytes.size()});
    me.collected_ += bytes.size();
    me.patience_.earn(Patience::kDataFrame);
    if (me.moved_.empty() || me.moved_.back() != stream) me.moved_.push_back(stream);
    return me.collected_ >= kCollect ? NGHTTP2_ERR_PAUSE : 0;
  }

  // One for the process: nghttp2 copies it into each session.
  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* made = nullptr;
    BERTH_CHECK(nghttp2_session_callbacks_new(&made) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
    nghttp2_session_callbacks_set_unpack_extension_callback(made, on_unknown);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(made, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(made, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, on_sent);
    nghttp2_session_callbacks_set_send_data_callback(made, on_send_data);
    return made;
  }
  static nghttp2_option* make_options() {
    nghttp2_option* made = nullptr;
    BERTH_CHECK(nghttp2_option_new(&made) == 0);
    nghttp2_option_set_no_auto_window_update(made, 1);
    nghttp2_option_set_no_closed_streams(made, 1);
    constexpr int kFirstUnknown = NGHTTP2_CONTINUATION + 1;
    for (int type = kFirstUnknown; type <= 0xff; ++type)
      nghttp2_option_set_user_recv_extension_type(made, static_cast<std::uint8_t>(type));
    // Bounds of nghttp2 itself, at their defaults: 8 CONTINUATION frames (CVE-2024-28182), 32 entries a SETTINGS,
    // 1,000 answers to PINGs and SETTINGS that the client does not read, 1,000 resets and 33 a second.
    return made;
  }
};

Session::Session(Connection& connection)
    : connection_(connection),
      patience_(connection.reactor().limits().http2_nuisances, connection.reactor().loop().now()) {
  static nghttp2_session_callbacks* const callbacks = Callbacks::make();
  static nghttp2_option* const options = Callbacks::make_options();
  nghttp2_session* session = nullptr;
  BERTH_CHECK(nghttp2_session_server_new2(&session, callbacks, this, options) == 0);
  session_.reset(session);
  const auto& limits = connection.reactor().limits();
  const auto number = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, number(limits.http2_streams)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, number(limits.head_bytes)},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, number(limits.http2_frame_bytes)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, number(limits.http2_window_bytes)},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
  BERTH_CHECK(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  BERTH_CHECK(nghttp2_session_set_local_window_size(
                  session, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.http2_buffer_bytes)) == 0);
  connection_.set_deadline(milliseconds(limits.head_ms));  // for the client's preface
}

Session::~Session() = default;

// --- from the client ---

void Session::receive(std::span<std::uint8_t> bytes) {
  if (ended_) return;
  const auto used = nghttp2_session_mem_recv(session_.get(), bytes.data(), bytes.size());
  if (!connection_.is_open()) return;
  if (used < 0) {
    BERTH_LOG(kWebserver, "http2 failed", {"peer", peer_text()},
              {"reason", nghttp2_strerror(static_cast<int>(used))});
    const bool is_flood = used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
    const auto code = is_flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR;
    end(code);
  }
  if (!in_headers_) restart_deadline();
}

bool Session::wants_input() const {
  if (ended_) return true;  // and dropped
  return !connection_.has_unsent() || nghttp2_session_get_outbound_queue_size(session_.get()) < kMostQueued;
}

void Session::deliver(Stream& stream, std::span<std::uint8_t> bytes) {
  auto& record = stream.connection();
  record.receive_carried(bytes);
}

void Session::on_request(std::int32_t id, bool has_ended) {
  auto reader = std::move(reader_);
  if (!reader || ended_) return;
  auto* record = connection_.reactor().carry(connection_, id);
  if (!record) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    return;
  }
  auto& stream = record->carried();
  stream.place = streams_.size();
  streams_.push_back(&stream);
  nghttp2_session_set_stream_user_data(session_.get(), id, &stream);
  // All are alike: DATA of several goes out by turns, whatever their clients say (RFC 9113 section 5.3.2).
  const nghttp2_extpri fair{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
  nghttp2_session_change_extpri_stream_priority(session_.get(), id, &fair, 1);
  const auto verdict = reader->finish(has_ended);
  stream.start(reader->head(), has_ended, verdict.status, verdict.reason);
  record->settle();
}

// RFC 9113 section 5.1.1: a stream that was never opened is closed once a later one is. One that we have reset may still
// send; only a client that has left out streams can be at fault here.
bool Session::was_skipped(std::int32_t id) const {
  return id <= last_ && last_ / 2 + 1 != opened_ && !nghttp2_session_find_stream(session_.get(), id);
}

void Session::on_closed(std::int32_t id) {
  auto* stream = Callbacks::find(session_.get(), id);
  if (!stream) return;
  nghttp2_session_set_stream_user_data(session_.get(), id, nullptr);
  const bool was_answered = stream->is_answered();
  stream->connection().drop();
  if (was_answered) patience_.earn(Patience::kAnswered);
  else spend(Patience::kReset);
}

void Session::spend(std::int64_t cost) {
  if (ended_ || patience_.spend(cost, connection_.reactor().loop().now())) return;
  log_info("http2 client asks too much", {{"peer", peer_text()}});
  end(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Session::end(std::uint32_t code) {
  nghttp2_session_terminate_session(session_.get(), code);
  ended_ = true;
  schedule();
}

// --- for streams ---

Result<void> Session::submit(Stream& stream, int status, const http1::Headers& headers, bool has_body) {
  const auto status_text = fmt::format_int(status);
  std::vector<nghttp2_nv> fields;
  fields.reserve(headers.size() + 2);
  fields.push_back(field_of(":status", {status_text.data(), status_text.size()}));
  for (const auto& [name, value] : headers) {
    if (name == "upgrade" || name == "connection") continue;  // HTTP/1.1's (RFC 9113 section 8.2.2)
    const auto field = field_of(name, value);
    if (!nghttp2_check_header_name(field.name, field.namelen) || name.front() == ':')
      return fail(Errc::kMalformed, "'{}' is no header name", name);
    if (!nghttp2_check_header_value_rfc9113(field.value, field.valuelen))
      return fail(Errc::kMalformed, "value of header {} cannot be sent", name);
    fields.push_back(field);
  }
  const std::string_view date = connection_.reactor().date();
  fields.push_back(field_of("date", date));
  nghttp2_data_provider source{};
  source.read_callback = Callbacks::on_offer;
  const auto result = nghttp2_submit_response(session_.get(), stream.id(), fields.data(), fields.size(),
                                              has_body ? &source : nullptr);
  if (result != 0) return fail(Errc::kMalformed, "{}", nghttp2_strerror(result));
  schedule();
  return {};
}

void Session::submit_continue(Stream& stream) {
  const auto status = field_of(":status", "100");
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), nullptr, &status, 1, nullptr);
  schedule();
}

void Session::resume(Stream& stream) {
  nghttp2_session_resume_data(session_.get(), stream.id());  // fails if it was not waiting, which is fine
  schedule();
}

void Session::consumed(Stream& stream, std::size_t bytes) {
  if (bytes == 0) return;
  nghttp2_session_consume(session_.get(), stream.id(), bytes);
  schedule();
}

void Session::forget(Stream& stream) {
  streams_.back()->place = stream.place;
  streams_[stream.place] = streams_.back();
  streams_.pop_back();
  std::erase(moved_, &stream);
  if (Callbacks::find(session_.get(), stream.id()) == &stream) {
    nghttp2_session_set_stream_user_data(session_.get(), stream.id(), nullptr);
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), stream.reset_code());
  }
  if (streams_.empty() && !in_headers_ && connection_.is_open()) restart_deadline();
  schedule();
}

// --- to the client ---

void Session::schedule() {
  if (std::exchange(scheduled_, true)) return;
  connection_.reactor().run_soon(connection_);
}

void Session::add_small(ByteView bytes) {
  if (!pieces_.empty() && !pieces_.back().external) pieces_.back().size += bytes.size();
  else pieces_.push_back({nullptr, small_.size(), bytes.size()});
  small_.insert(small_.end(), bytes.begin(), bytes.end());
  collected_ += bytes.size();
}

bool Session::collect() {
  pieces_.clear();
  small_.clear();
  collected_ = 0;
  while (collected_ < kCollect) {
    const std::uint8_t* bytes = nullptr;
    const auto size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (size < 0) {
      connection_.drop();
      return false;
    }
    if (size == 0) break;
    add_small({bytes, static_cast<std::size_t>(size)});
  }
  return collected_ > 0;
}

void Session::flush() {
  scheduled_ = false;
  std::size_t written = 0;
  while (connection_.is_open() && !connection_.has_unsent() && written < kShareOfTurn && collect()) {
    std::vector<iovec> parts;
    parts.reserve(pieces_.size());
    for (const auto& piece : pieces_) {
      const auto* begin = piece.external ? piece.external : small_.data() + piece.begin;
      parts.push_back({const_cast<std::uint8_t*>(begin), piece.size});
    }
    written += collected_;
    connection_.send_parts(parts);
  }
  for (auto* stream : std::exchange(moved_, {})) stream->after_output();
  if (!connection_.is_open()) return;
  if (written >= kShareOfTurn && !connection_.has_unsent()) schedule();
  end_if_done();
}

void Session::end_if_done() {
  if (connection_.has_unsent() || nghttp2_session_want_write(session_.get())) return;
  if (!ended_ && nghttp2_session_want_read(session_.get())) return;
  drop_streams();
  connection_.finish(true);
}

// --- times and ends ---

void Session::restart_deadline() {
  if (connection_.has_unsent()) return;  // then it is for that
  const auto& limits = connection_.reactor().limits();
  if (streams_.empty()) connection_.set_deadline(milliseconds(draining_ ? limits.close_ms : limits.idle_ms));
  else connection_.clear_deadline();  // they have their own
}

void Session::on_deadline() {
  if (in_headers_) BERTH_LOG(kWebserver, "http2 head did not come in time", {"peer", peer_text()});
  end(NGHTTP2_NO_ERROR);
}

void Session::drain() {
  if (std::exchange(draining_, true)) return;
  nghttp2_submit_shutdown_notice(session_.get());
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
  if (streams_.empty()) connection_.set_deadline(milliseconds(connection_.reactor().limits().close_ms));
  schedule();
}

void Session::go_away() {
  for (auto* stream : std::vector<Stream*>(streams_)) stream->connection().go_away();
  flush();
  if (!connection_.is_open()) return;
  nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
  flush();
}

void Session::drop_streams() {
  for (auto* stream : std::vector<Stream*>(streams_)) stream->connection().drop();
}

const std::string& Session::peer_text() {
  if (peer_text_.empty()) peer_text_ = connection_.peer_text();
  return peer_text_;
}

}  // namespace berth::webserver::http2
