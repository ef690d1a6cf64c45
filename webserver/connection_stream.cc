// A connection's stream to its service: opening, credit, WebSocket messages in both directions.
#include <bit>

#include "webserver/http/exchange.h"
#include "webserver/http2/session.h"
#include "webserver/reactor.h"
#include "wire/websocket/frame.h"

namespace berth::webserver {

namespace ws = websocket;

std::uint32_t Connection::stream_id() const {
  return index() | static_cast<std::uint32_t>(generation_) << kIndexBits;
}

Attach& Connection::attach() const { return reactor().attach_at(attach_); }

Result<void> Connection::open_stream(Attach& attach, const link::Open& open) {
  BERTH_CHECK(!has_stream());
  constexpr std::uint16_t kGenerations = 1 << (32 - kIndexBits);
  Link& link = *attach.link;
  if (!link.takes_streams()) return fail(Errc::kUnavailable, "the service is overloaded");
  // An id that the service has not let go of yet must not be used again.
  std::uint16_t tried = 0;
  do {
    if (++tried == kGenerations) return fail(Errc::kUnavailable, "the service does not answer");
    generation_ = (generation_ % (kGenerations - 1) + 1) & (kGenerations - 1);
  } while (link.is_closing(stream_id()));
  BERTH_TRY_VOID(link.append_open(stream_id(), open));
  attach_ = attach.slot;
  ++attach.streams;
  link.stream_opened();
  may_send_ = link.service_credit();
  taken_ = 0;
  set(kWaitsForLink, false);
  return {};
}

void Connection::forget_stream() {
  if (!has_stream()) return;
  Attach& attach = this->attach();
  if (attach.link) attach.link->stream_ended();
  --attach.streams;
  reactor().release_if_unused(std::exchange(attach_, kNoAttach));
}

void Connection::close_stream(std::uint16_t code, std::string_view reason) {
  if (!has_stream()) return;
  if (Link* link = attach().link) {
    link->append_close(stream_id(), code, reason);
    link->stream_closing(stream_id());
  }
  forget_stream();
}

bool Connection::can_send_to_service() const {
  return has_stream() && may_send_ > 0 && !attach().link->is_congested();
}

std::size_t Connection::send_to_service(link::Type type, std::uint8_t flags, ByteView bytes) {
  if (!has_stream() || (!bytes.empty() && !can_send_to_service())) return 0;
  const auto count = std::min({bytes.size(), std::size_t{may_send_}, link::kMaxData});
  if (count < bytes.size()) flags &= static_cast<std::uint8_t>(~link::kFlagEnd);
  attach().link->append_data(type, stream_id(), flags, bytes.first(count));
  may_send_ -= static_cast<std::uint32_t>(count);
  return count;
}

bool Connection::take_credit(std::size_t bytes) {
  if (taken_ + bytes > attach().link->our_credit()) return false;
  taken_ += static_cast<std::uint32_t>(bytes);
  return true;
}

void Connection::give_credit_back() {
  // What the socket did not take is still ours to hold; half of the window keeps the service going.
  if (taken_ == 0 || !has_stream() || has_unsent() || taken_ < attach().link->our_credit() / 2) return;
  attach().link->append_credit(stream_id(), std::exchange(taken_, 0));
}

void Connection::on_link_credit(std::uint32_t bytes) {
  may_send_ =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{may_send_} + bytes, 0xffffffff));
  if (phase_ == Phase::kHttp || active_ || tls_) reactor().run_soon(*this);
  settle();
}

void Connection::on_link_accept(const link::Accept& accept) {
  if (phase_ != Phase::kHttp) return;
  if (active_->http->on_accept(accept) && is_open()) become_websocket();
  settle();
}

void Connection::become_websocket() {
  set(kDeflate, active_->http->has_agreed_deflate());
  if (!is_carried()) active_->http.reset();
  phase_ = Phase::kWebsocket;
  set(kInMessage, false);
  ++reactor().counters().websockets;
  if (!has_unsent()) clear_deadline();
  if (has_unread()) reactor().run_soon(*this);  // the client did not wait for our answer
}

void Connection::become_passthrough() {
  active_->http.reset();
  phase_ = Phase::kPassthrough;
  if (!has_unsent()) clear_deadline();
}

void Connection::on_link_data(ByteView bytes, bool is_end) {
  if (phase_ == Phase::kHttp) {
    active_->http->on_data(bytes, is_end);
  } else if (phase_ == Phase::kPassthrough) {
    send(bytes);
    if (is_open() && is_end) {
      set(kServiceEnded);
      forget_stream();
      finish(true);
    }
  }
  settle();
}

void Connection::on_link_close(const link::Close& close) {
  attach().link->append_close(stream_id(), close.code, "");
  forget_stream();
  switch (phase_) {
    case Phase::kHttp: active_->http->on_close(close); break;
    case Phase::kWebsocket: send_close_frame(close.code, close.reason); break;
    default: finish(true); break;
  }
  settle();
}

void Connection::on_link_lost() {
  forget_stream();
  switch (phase_) {
    case Phase::kHttp: active_->http->on_lost(); break;
    case Phase::kWebsocket: send_close_frame(1012, "service restart"); break;
    default: drop(); break;
  }
  settle();
}

void Connection::on_grant_removed() {
  close_stream(1001, "the grant was taken back");
  on_link_lost();
}

void Connection::go_away() {
  if (phase_ == Phase::kHttp2) active_->http2->go_away();
  if (phase_ == Phase::kWebsocket) {
    close_stream(1012);
    send_close_frame(1012, "server restart");
    if (is_carried()) return finish(false);
  }
  if (is_carried()) return;  // its carrier has it on its way
  drop(1012);
}

// --- WebSocket: client → service ---

std::size_t Connection::serve_websocket(std::span<std::uint8_t> bytes) {
  const auto limit = static_cast<std::uint64_t>(reactor().limits().message_bytes);
  ws::MessageReader fresh(ws::MessageReader::Role::kServer, limit, has(kDeflate));
  ws::MessageReader& reader = active_ && active_->reader ? *active_->reader : fresh;
  std::size_t used = 0;
  while (used < bytes.size()) {
    if (phase_ == Phase::kWebsocket && (!can_send_to_service() || is_holding())) break;
    const auto rest = bytes.subspan(used);
    const auto step = reader.next(rest.first(std::min(rest.size(), link::kMaxData)));
    if (!step) {
      fail_websocket(reader.error_close_code(), step.error().detail);
      return bytes.size();
    }
    used += step->consumed;
    if (!step->event) {
      if (step->consumed == 0) break;
      continue;
    }
    const auto& event = *step->event;
    if (event.kind == ws::MessageReader::Kind::kClose) {
      if (phase_ == Phase::kWebsocket) {
        const auto code = event.close_code == 1005 ? std::uint16_t{0} : event.close_code;
        Bytes frame;
        ws::append_frame(frame, ws::Opcode::kClose, ws::make_close_payload(code));
        close_stream(event.close_code, as_text(event.data));
        send(frame);
      }
      finish(false);
      return bytes.size();
    }
    if (phase_ == Phase::kWsClosing) continue;  // what crosses with our close frame is dropped
    if (event.kind == ws::MessageReader::Kind::kPing) {
      // A client that pings and does not read gets no more answers (RFC 6455 section 5.5.3 allows it).
      if (!has_unsent()) {
        Bytes frame;
        ws::append_frame(frame, ws::Opcode::kPong, event.data);
        send(frame);
        if (!is_open()) return bytes.size();
      }
    } else if (event.kind == ws::MessageReader::Kind::kData && event.is_compressed) {
      if (!inflate_to_service(event.data, event.is_final, event.is_text)) return bytes.size();
    } else if (event.kind == ws::MessageReader::Kind::kData && (event.is_final || !event.data.empty())) {
      const auto flags = static_cast<std::uint8_t>((event.is_final ? link::kFlagEnd : 0) |
                                                   (event.is_text ? link::kFlagText : 0));
      const auto sent = send_to_service(link::Type::kMessage, flags, event.data);
      if (sent < event.data.size()) {
        hold(event.data.subspan(sent), flags);
        break;
      }
    }
  }
  if (&reader == &fresh) {
    if (!reader.is_idle()) active().reader = std::make_unique<ws::MessageReader>(reader);
  } else if (reader.is_idle()) {
    active_->reader.reset();
  }
  return used;
}

void Connection::hold(ByteView bytes, std::uint8_t flags) {
  if (bytes.empty()) return;
  active().held.assign(bytes.begin(), bytes.end());
  active_->held_flags = flags;
}

bool Connection::is_holding() const {
  return active_ && (!active_->held.empty() || (active_->inflation && active_->inflation->is_blocked));
}

bool Connection::flush_held() {
  if (!is_holding()) return true;
  if (active_->held.empty()) return flush_inflation();
  auto& held = active_->held;
  const auto type = phase_ == Phase::kPassthrough ? link::Type::kData : link::Type::kMessage;
  const auto sent = send_to_service(type, active_->held_flags, held);
  held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(sent));
  if (held.empty()) held.shrink_to_fit();
  return held.empty();
}

void Connection::fail_websocket(std::uint16_t code, std::string_view reason) {
  if (phase_ == Phase::kWebsocket) {
    Bytes frame;
    ws::append_frame(frame, ws::Opcode::kClose, ws::make_close_payload(code, reason));
    close_stream(code, reason);
    send(frame);
  }
  finish(true);
}

// --- WebSocket: service → client ---

void Connection::on_link_message(std::uint8_t flags, std::span<std::uint8_t> payload) {
  if (phase_ != Phase::kWebsocket) return settle();
  ws::FrameHeader fields;
  const auto first = flags & link::kFlagText ? ws::Opcode::kText : ws::Opcode::kBinary;
  fields.opcode = has(kInMessage) ? ws::Opcode::kContinuation : first;
  fields.fin = flags & link::kFlagEnd;
  if (has(kDeflate)) payload = deflate_for_client(payload, fields.fin, fields.compressed);
  fields.payload_length = payload.size();
  set(kInMessage, !fields.fin);
  // The header takes the place of the link frame's, which has been read, or the compressor's room.
  std::array<std::uint8_t, 14> header{};
  const auto size = ws::format_frame_header(fields, header);
  auto* begin = payload.data() - size;
  std::copy_n(header.begin(), size, begin);
  send(ByteView(begin, size + payload.size()));
  settle();
}

void Connection::on_link_broadcast(ByteView frame) {
  // Between the parts of another message a whole one cannot stand (RFC 6455 section 5.4).
  if (phase_ == Phase::kWebsocket && !has(kInMessage)) send(frame);
  settle();
}

void Connection::send_close_frame(std::uint16_t code, std::string_view reason) {
  Bytes frame;
  const bool is_plain = code == 0 || code == 1005;
  const std::uint16_t other = is_plain ? 0 : 1011;
  const auto sent = ws::is_valid_close_code(code) ? code : other;
  ws::append_frame(frame, ws::Opcode::kClose, ws::make_close_payload(sent, reason));
  phase_ = Phase::kWsClosing;
  if (active_) active_->held.clear();
  send(frame);
  if (is_open() && !has_unsent()) set_deadline(milliseconds(reactor().limits().close_ms));
}

}  // namespace berth::webserver
