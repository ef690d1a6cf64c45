#include "sdk/link/link.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"
#include "base/passed_descriptors.h"
#include "net/address.h"
#include "sdk/link/link_client.h"
#include "sdk/share/instance_share.h"

namespace berth::sdk {
namespace {

constexpr std::size_t kReadSize = 256 * 1024;
constexpr std::size_t kKeepCapacity = 64 * 1024;  // of an empty send buffer
constexpr auto kRetry = std::chrono::milliseconds(50);
constexpr auto kRetryLater = std::chrono::milliseconds(250);  // when it has been down for long
constexpr auto kLong = std::chrono::minutes(1);

}  // namespace

Link::Link(LinkClient& client, std::string path)
    : client_(client), path_(std::move(path)), flushing_(client.loop()), retry_(client.loop()) {
  lost_since_ = loop::Clock::now();
  connect();
}

Link::~Link() {
  if (socket_) client_.loop().unwatch(socket_.get());
}

void Link::connect() {
  auto connected = net::connect_unix(path_);
  if (!connected) {
    const bool long_down = loop::Clock::now() - lost_since_ > kLong;
    retry_.start(long_down ? kRetryLater : kRetry, [this] { connect(); });
    client_.attach_answered();
    return;
  }
  socket_ = std::move(*connected);
  client_.loop().watch(socket_.get(), EPOLLIN, *this);
  state_ = State::kGreeting;
  link::append(out_, link::Hello{link::kVersion, link::kHelloFollows, kReceiveWindow, client_.name()});
  schedule_flush();
}

void Link::attach(Attachment& attachment) {
  if (state_ == State::kUp) send_attach(attachment);
}

void Link::attach_again(Attachment& attachment) {
  if (state_ != State::kUp || !again_.insert(attachment.id()).second) return;
  send_attach(attachment);
}

void Link::send_attach(Attachment& attachment) {
  link::append(out_, attachment.attach());
  if (attachment.attach().kind == link::Kind::kStatic) {
    descriptors_.push_back({out_.size(), attachment.pack()});
    link::append_static(out_, attachment.id());
  }
  schedule_flush();
}

void Link::detach(std::uint32_t attach_id) {
  results_.erase(attach_id);
  refused_.erase(attach_id);
  again_.erase(attach_id);
  if (state_ != State::kUp) return;
  link::append_detach(out_, attach_id);
  schedule_flush();
}

const link::Attached* Link::attach_result(std::uint32_t attach_id) const {
  const auto found = results_.find(attach_id);
  return found == results_.end() ? nullptr : &found->second;
}

void Link::schedule_flush() {
  if (!flushing_.is_scheduled() && !wants_write_) flushing_.schedule([this] { flush(); });
}

void Link::remove(std::uint32_t id, bool sent_close) {
  if (sent_close) closing_.insert(id);
  auto stream = streams_.take(id);
  BERTH_CHECK(stream);
  stream->link_ = nullptr;
  client_.bury(std::move(stream));
}

void Link::for_each_stream(const std::function<void(Stream&)>& call) {
  std::vector<Stream*> all;
  all.reserve(streams_.size());
  streams_.for_each([&](Stream& stream) { all.push_back(&stream); });
  for (Stream* stream : all) call(*stream);
}

void Link::on_io(std::uint32_t events) {
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    read();
    if (!socket_) return;
  }
  if (events & EPOLLOUT) flush();
}

void Link::read() {
  auto& buffer = client_.buffer_;
  if (buffer.empty()) buffer.resize(kReadSize + link::kMaxPayload + link::kHeaderSize);
  const auto had = in_.size();
  std::copy(in_.begin(), in_.end(), buffer.begin());
  const auto got = ::recv(socket_.get(), buffer.data() + had, kReadSize, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return lose(got == 0 ? "closed by the webserver" : "read failed");
  const auto input = ByteView(buffer).first(had + static_cast<std::size_t>(got));
  const auto taken = take(input);
  client_.loop().work_for(0);
  if (!taken) return lose(taken.error().detail);
  const auto rest = input.subspan(*taken);
  in_.assign(rest.begin(), rest.end());
  if (in_.empty() && in_.capacity() > 0) in_.shrink_to_fit();
}

Result<std::size_t> Link::take(ByteView input) {
  std::size_t taken = 0;
  for (;;) {
    const auto rest = input.subspan(taken);
    BERTH_TRY(const auto header, link::parse_header(rest));
    if (!header || rest.size() < link::kHeaderSize + header->length) return taken;
    BERTH_TRY_VOID(take_frame(*header, rest.subspan(link::kHeaderSize, header->length)));
    taken += link::kHeaderSize + header->length;
  }
}

Result<void> Link::take_frame(const link::FrameHeader& header, ByteView payload) {
  if (header.type == link::Type::kLeave && state_ == State::kUp && !std::exchange(is_leaving_, true))
    client_.link_leaves(*this);
  if (static_cast<std::uint8_t>(header.type) >= 0x80) return {};
  if (state_ == State::kGreeting && header.type != link::Type::kHello)
    return fail(Errc::kMalformed, "first frame is not HELLO");
  if (header.stream == 0) return take_link_frame(header, payload);
  if (header.type == link::Type::kOpen) return open_stream(header.stream, payload);

  Stream* known = streams_.find(header.stream);
  if (!known) {
    // Crossed with our CLOSE, or with the END of both directions: a CLOSE then still wants its answer.
    if (header.type == link::Type::kClose && closing_.erase(header.stream) == 0) answer_close(header.stream);
    return {};
  }
  Stream& stream = *known;
  InstanceShare& share = stream.attachment_.share();
  client_.loop().work_for(share.account());
  switch (header.type) {
    case link::Type::kData:
    case link::Type::kMessage: {
      share.counters().bytes_in += payload.size();
      if (payload.size() > stream.receive_allowance_)
        return fail(Errc::kMalformed, "stream {}: more than the credit", header.stream);
      stream.receive_allowance_ -= static_cast<std::uint32_t>(payload.size());
      const bool is_end = header.flags & link::kFlagEnd;
      if (header.type == link::Type::kData) stream.on_data(payload, is_end);
      else stream.on_message(payload, is_end, header.flags & link::kFlagText);
      return {};
    }
    case link::Type::kCredit: {
      BERTH_TRY(const auto bytes, link::parse_u32(payload));
      if (bytes > ~std::uint32_t{0} - stream.send_credit_) return fail(Errc::kMalformed, "credit runs over");
      stream.send_credit_ += bytes;
      stream.on_credit();
      return {};
    }
    case link::Type::kClose: {
      BERTH_TRY(const auto close, link::parse_close(payload));
      answer_close(header.stream);
      remove(header.stream, false);
      stream.on_gone(close.code);  // it lives until the end of the turn
      return {};
    }
    default: return fail(Errc::kMalformed, "frame type {} on a stream", static_cast<int>(header.type));
  }
}

Result<void> Link::take_link_frame(const link::FrameHeader& header, ByteView payload) {
  switch (header.type) {
    case link::Type::kHello: {
      BERTH_TRY(const auto hello, link::parse_hello(payload));
      if (state_ != State::kGreeting) return fail(Errc::kMalformed, "second HELLO");
      if (hello.version != link::kVersion)
        return fail(Errc::kUnsupported, "link version {}, ours is {}", hello.version, link::kVersion);
      peer_credit_ = hello.credit;
      state_ = State::kUp;
      BERTH_LOG(kLds, "link up", {"socket", path_});
      for (Attachment* attachment : client_.attachments()) send_attach(*attachment);
      client_.attach_answered();
      return {};
    }
    case link::Type::kAttached:
    case link::Type::kDetached: {
      BERTH_TRY(auto attached, link::parse_attached(payload));
      Attachment* attachment = client_.find_attachment(attached.id);
      if (!attachment) return {};  // crossed with our DETACH
      if (attached.result != link::AttachResult::kOk)
        log_warning("attach refused", {{"path", attachment->attach().path},
                                       {"result", static_cast<int>(attached.result)},
                                       {"reason", attached.reason}});
      again_.erase(attached.id);
      if (attached.result == link::AttachResult::kOk) refused_.erase(attached.id);
      else refused_.insert(attached.id);
      results_[attached.id] = std::move(attached);
      client_.attach_answered();
      client_.judge(*attachment, header.type == link::Type::kDetached);
      return {};
    }
    case link::Type::kPing:
      link::append_ping(out_, link::Type::kPong, payload);
      schedule_flush();
      return {};
    case link::Type::kPong: return {};
    default: return fail(Errc::kMalformed, "frame type {} on the link", static_cast<int>(header.type));
  }
}

Result<void> Link::open_stream(std::uint32_t id, ByteView payload) {
  BERTH_TRY(auto open, link::parse_open(payload));
  if (streams_.find(id)) return fail(Errc::kMalformed, "stream {} is open already", id);
  Attachment* attachment = client_.find_attachment(open.attach);
  if (!attachment) {  // crossed with our DETACH
    refuse(id, open.kind, 503);
    return {};
  }
  client_.loop().work_for(attachment->share().account());
  const Stream::Seed seed{*this, *attachment, id, peer_credit_};
  auto made = attachment->open(seed, std::move(open));
  Stream& stream = *made;
  streams_.add(std::move(made));
  ++client_.attachments_.at(attachment->id()).streams;
  stream.start();
  return {};
}

void Link::refuse(std::uint32_t id, link::Kind kind, std::uint16_t code) {
  if (kind == link::Kind::kWebsocket) {
    const auto done = link::append(out_, id, link::Accept{code, 0, {}});
    BERTH_CHECK(done);
  }
  link::append(out_, id, link::Close{kind == link::Kind::kHttp ? code : std::uint16_t{1001}, {}});
  closing_.insert(id);
  schedule_flush();
}

void Link::answer_close(std::uint32_t id) {
  link::append(out_, id, link::Close{});
  schedule_flush();
}

void Link::flush() {
  flushing_.cancel();
  while (out_sent_ < out_.size()) {
    // A descriptor goes with the first byte of its frame, so a write ends before each.
    std::size_t until = out_.size();
    int descriptor = -1;
    if (!descriptors_.empty()) {
      if (descriptors_.front().position > out_sent_) {
        until = descriptors_.front().position;
      } else {
        descriptor = descriptors_.front().fd;
        if (descriptors_.size() > 1) until = descriptors_[1].position;
      }
    }
    if (!write_some(until, descriptor)) return;
  }
  out_.clear();
  out_sent_ = 0;
  if (out_.capacity() > kKeepCapacity) out_.shrink_to_fit();
  if (wants_write_) {
    wants_write_ = false;
    client_.loop().change_interest(socket_.get(), EPOLLIN);
  }
}

bool Link::write_some(std::size_t until, int descriptor) {
  iovec part{out_.data() + out_sent_, until - out_sent_};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  DescriptorRoom<1> room;
  if (descriptor >= 0) room.send_with(message, {&descriptor, 1});
  const auto put = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (put >= 0) {
    out_sent_ += static_cast<std::size_t>(put);
    if (descriptor >= 0) descriptors_.pop_front();
    return true;
  }
  if (errno == EINTR) return true;
  if (errno == EAGAIN) {
    // Bounded by the streams' credit; what has gone out is cut off the front.
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_sent_));
    for (auto& waiting : descriptors_) waiting.position -= out_sent_;
    out_sent_ = 0;
    if (!wants_write_) {
      wants_write_ = true;
      client_.loop().change_interest(socket_.get(), EPOLLIN | EPOLLOUT);
    }
    return false;
  }
  lose(errno_error(errno, "write").detail);
  return false;
}

void Link::lose(std::string_view why) {
  log_info("link lost", {{"socket", path_}, {"why", why}});
  client_.loop().unwatch(socket_.get());
  socket_.reset();
  state_ = State::kDown;
  wants_write_ = false;
  flushing_.cancel();
  in_.clear();
  out_.clear();
  out_sent_ = 0;
  descriptors_.clear();
  results_.clear();
  refused_.clear();
  again_.clear();
  closing_.clear();
  lost_since_ = loop::Clock::now();
  for (auto& stream : streams_.take_all()) {
    Stream& gone = *stream;
    gone.link_ = nullptr;
    client_.bury(std::move(stream));
    client_.loop().work_for(gone.attachment_.share().account());
    gone.on_gone(1006);
  }
  client_.attach_answered();
  if (is_leaving_) return client_.left_link_is_gone();
  retry_.start(loop::Duration::zero(), [this] { connect(); });
}

}  // namespace berth::sdk
