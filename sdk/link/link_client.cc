#include "sdk/link/link_client.h"

#include <algorithm>

#include "base/log.h"
#include "sdk/share/instance_share.h"

namespace berth::sdk {

LinkClient::LinkClient(loop::Loop& loop, std::string name)
    : loop_(loop),
      name_(std::move(name)),
      reaping_(loop),
      linger_(loop),
      changed_(loop),
      retrying_(loop),
      forgetting_(loop) {}

LinkClient::~LinkClient() {
  // Streams know their links and attachments: they go first.
  for_each_link([](Link& link) { link.for_each_stream([](Stream& stream) { stream.finish(); }); });
  for (auto& grave : graves_) grave.stream->finish();
  graves_.clear();
  left_.clear();
  links_.clear();
}

void LinkClient::add_socket(const std::string& path) {
  for (const auto& link : links_)
    if (link->path() == path) return;
  links_.push_back(std::make_unique<Link>(*this, path));
}

void LinkClient::flush_early() {
  for_each_link([](Link& link) { link.flush_early(); });
}

void LinkClient::link_leaves(Link& link) {
  const auto found =
      std::find_if(links_.begin(), links_.end(), [&](const auto& one) { return one.get() == &link; });
  BERTH_CHECK(found != links_.end());
  log_info("the webserver has a successor", {{"socket", link.path()}, {"streams", link.stream_count()}});
  auto next = std::make_unique<Link>(*this, link.path());
  left_.push_back(std::exchange(*found, std::move(next)));
  changed_.set();
}

void LinkClient::left_link_is_gone() {
  forgetting_.schedule(
      [this] { std::erase_if(left_, [](const auto& link) { return link->state() == Link::State::kDown; }); });
}

std::uint32_t LinkClient::attach(std::unique_ptr<Attachment> attachment) {
  const auto id = next_id_++;
  attachment->attach_.id = id;
  attachment->client_ = this;
  Held& held = attachments_[id];
  held.attachment = std::move(attachment);
  for (const auto& link : links_) link->attach(*held.attachment);
  return id;
}

void LinkClient::detach(std::uint32_t id) {
  const auto found = attachments_.find(id);
  if (found == attachments_.end() || found->second.detached) return;
  found->second.detached = true;
  for_each_link([id](Link& link) { link.detach(id); });
  drop_detached();
}

Attachment* LinkClient::find_attachment(std::uint32_t id) {
  const auto found = attachments_.find(id);
  return found == attachments_.end() || found->second.detached ? nullptr : found->second.attachment.get();
}

std::vector<Attachment*> LinkClient::attachments() const {
  std::vector<Attachment*> all;
  for (const auto& [id, held] : attachments_)
    if (!held.detached) all.push_back(held.attachment.get());
  return all;
}

loop::Task<Result<void>> LinkClient::settled(std::vector<std::uint32_t> ids, loop::Duration limit) {
  bool is_late = false;
  loop::Timer timer(loop_);
  timer.start(limit, [&] {
    is_late = true;
    changed_.set();
  });
  for (;;) {
    bool is_waiting = false;
    for (const auto& link : links_) {
      if (link->state() == Link::State::kDown) continue;
      for (const auto id : ids) {
        const link::Attached* result = link->attach_result(id);
        if (!result) {
          is_waiting = true;
        } else if (result->result != link::AttachResult::kOk) {
          const auto held = attachments_.find(id);
          const std::string path = held == attachments_.end() ? "" : held->second.attachment->attach().path;
          co_return fail(Errc::kConflict, "the webserver refuses the path {}: {}", path, result->reason);
        }
      }
    }
    if (!is_waiting) co_return Result<void>{};
    if (is_late) co_return fail(Errc::kTimeout, "the webserver did not answer to an attach");
    changed_.reset();
    co_await changed_.wait();
  }
}

std::size_t LinkClient::stream_count(const void* owner) const {
  std::size_t count = 0;
  for (const auto& [id, held] : attachments_)
    if (held.attachment->owner() == owner) count += held.streams;
  return count;
}

loop::Task<void> LinkClient::close_streams(const void* owner, loop::Duration limit) {
  for_each_link([&](Link& link) {
    link.for_each_stream([&](Stream& stream) {
      if (stream.attachment().owner() == owner) stream.abandon();
    });
  });
  const auto until = loop::Clock::now() + limit;
  for (auto& grave : graves_)
    if (grave.stream->attachment().owner() == owner) grave.until = std::min(grave.until, until);
  schedule_reap();
  while (stream_count(owner) > 0) {
    changed_.reset();
    co_await changed_.wait();
  }
}

void LinkClient::drop(const void* owner) {
  std::vector<std::uint32_t> ids;
  for (const auto& [id, held] : attachments_)
    if (held.attachment->owner() == owner) ids.push_back(id);
  for (const auto id : ids) detach(id);
  for_each_link([&](Link& link) {
    link.for_each_stream([&](Stream& stream) {
      if (stream.attachment().owner() == owner) stream.abandon();
    });
  });
  for (auto& grave : graves_)
    if (grave.stream->attachment().owner() == owner) grave.until = loop::TimePoint{};
  reap();
}

void LinkClient::set_grant(const void* owner, const link::Grant& grant) {
  for (auto& [id, held] : attachments_)
    if (held.attachment->owner() == owner) held.attachment->attach_.grant = grant;
  if (!refusal(owner).empty()) plan_retry(loop::Duration::zero());
}

namespace {
bool is_refused(const Link& link, std::uint32_t id) {
  const auto* result = link.attach_result(id);
  return result && result->result != link::AttachResult::kOk;
}
}  // namespace

std::string LinkClient::refusal(const void* owner) const {
  for (const auto& [id, held] : attachments_) {
    if (held.detached || held.attachment->owner() != owner) continue;
    for (const auto& link : links_)
      if (is_refused(*link, id))
        return fmt::format("the webserver refuses the path {}: {}", held.attachment->attach().path,
                           link->attach_result(id)->reason);
  }
  return {};
}

void LinkClient::judge(const Attachment& attachment, bool was_there) {
  const bool any =
      std::any_of(links_.begin(), links_.end(), [](const auto& link) { return link->has_refused(); });
  if (!any) {
    next_retry_ = kFirstRetry;
    retrying_.cancel();
  } else if (was_there) {
    plan_retry(loop::Duration::zero());  // it may be ours with another grant
  } else if (!retrying_.is_running()) {
    plan_retry(next_retry_);
    next_retry_ = std::min<loop::Duration>(next_retry_ * 2, kLongestRetry);
  }
  if (attach_judged) attach_judged(attachment.owner());
}

void LinkClient::plan_retry(loop::Duration pause) {
  retrying_.start(pause, [this] { retry(); });
}

void LinkClient::retry() {
  for (auto* attachment : attachments())
    for (const auto& link : links_)
      if (is_refused(*link, attachment->id())) link->attach_again(*attachment);
}

void LinkClient::bury(std::unique_ptr<Stream> stream) {
  graves_.push_back({std::move(stream), loop::Clock::now() + kLinger});
  schedule_reap();
}

void LinkClient::schedule_reap() {
  if (!reaping_.is_scheduled()) reaping_.schedule([this] { reap(); });
}

// Streams whose work is done are finished. What finish() buries meanwhile waits for the next round.
void LinkClient::reap() {
  const auto now = loop::Clock::now();
  std::vector<Grave> ready;
  std::erase_if(graves_, [&](Grave& grave) {
    if (grave.stream->is_busy() && grave.until > now) return false;
    ready.push_back(std::move(grave));
    return true;
  });
  for (auto& grave : ready) {
    loop_.work_for(grave.stream->attachment().share().account());
    grave.stream->finish();
    const auto id = grave.stream->attachment().id();
    grave.stream.reset();
    --attachments_.at(id).streams;
  }
  drop_detached();
  if (!ready.empty()) changed_.set();
  if (graves_.empty()) {
    linger_.cancel();
    return;
  }
  auto next = graves_.front().until;
  for (const auto& grave : graves_) next = std::min(next, grave.until);
  linger_.start(std::max<loop::Duration>(next - now, std::chrono::milliseconds(1)),
                [this] { schedule_reap(); });
}

void LinkClient::drop_detached() {
  std::erase_if(attachments_,
                [](const auto& entry) { return entry.second.detached && entry.second.streams == 0; });
}

}  // namespace berth::sdk
