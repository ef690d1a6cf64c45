#include "manager/sets/item_check.h"

#include <fcntl.h>
#include <unistd.h>

namespace berth::manager {
namespace {

// Feeds the front of the stream to a program that stops reading when it has seen enough.
class FrontSink : public BackupSink {
 public:
  FrontSink(loop::Loop& loop, UniqueFd pipe) : pipe_(std::move(pipe)) { sink_.emplace(loop, pipe_.get()); }
  Task<void> write(std::string bytes) override {
    if (!sink_) co_return;
    try {
      co_await sink_->write(std::move(bytes));
    } catch (const Failure&) {
      sink_.reset();  // it has read its table of contents: how it ended is told by its exit
    }
  }
  void close() {
    sink_.reset();
    pipe_ = UniqueFd();
  }

 private:
  UniqueFd pipe_;
  std::optional<DescriptorSink> sink_;
};

Task<void> drain(Child& child) {
  for (;;) {
    const auto piece = co_await child.read();
    if (piece.empty()) co_return;
  }
}

}  // namespace

Task<void> ProvingSink::write(std::string bytes) {
  length_ += bytes.size();
  tail_ += bytes;
  if (tail_.size() > kEndMarkBytes) {
    const std::size_t ready = tail_.size() - kEndMarkBytes;
    hash_.add(std::string_view(tail_).substr(0, ready));
    tail_.erase(0, ready);
  }
  if (next_) co_await next_->write(std::move(bytes));
}

void ProvingSink::finish() {
  if (length_ != item_.bytes)
    throw_failure(Errc::kMalformed, "{}: {} bytes were written, the target gives back {}", item_.key(),
                  item_.bytes, length_);
  const auto mark = parse_end_mark(tail_);
  const auto hash = hash_.finish();
  if (!mark || mark->length + kEndMarkBytes != length_ || mark->sha256 != hash ||
      format_hex(hash) != item_.sha256)
    throw_failure(Errc::kMalformed, "{}: the target gives back other data than were written", item_.key());
}

Task<void> check_item(loop::Loop& loop, Target& target, ItemRow item, std::string binaries) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(errno_error(errno, "pipe"));
  UniqueFd read_end(ends[0]);
  FrontSink front(loop, UniqueFd(ends[1]));
  loop::SpawnOptions options;
  options.program = binaries + "/pg_restore";
  options.arguments = {"--list"};
  options.directory = "/";
  options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
  options.descriptors = {{read_end.get(), 0}};
  const auto child = Child::start(loop, without_rights(std::move(options)));
  read_end = UniqueFd();
  loop::Spawned<void> draining(loop, drain(*child));
  ProvingSink proof(item, &front);
  StoredObject object{item.object, item.set, item.file(), item.written};
  auto fetching = target.fetch(object, proof);
  co_await fetching;
  proof.finish();
  front.close();
  co_await draining.done().wait();
  const auto status = co_await child->wait();
  if (status.is_success()) co_return;
  throw_failure(Errc::kMalformed, "{}: pg_restore cannot read it ({})", item.key(),
                error_of_child(*child, status, "pg_restore").detail);
}

}  // namespace berth::manager
