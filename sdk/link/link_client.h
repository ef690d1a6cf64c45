// All links of this process and all that is attached over them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "loop/loop.h"
#include "loop/sync.h"
#include "sdk/link/attachment.h"
#include "sdk/link/link.h"
#include "sdk/link/stream.h"

namespace berth::sdk {

// Owned by the service; outlives its instances. Attachments are kept until detached and are told anew
// to each webserver that comes.
class LinkClient {
 public:
  LinkClient(loop::Loop& loop, std::string name);
  ~LinkClient();
  LinkClient(const LinkClient&) = delete;
  LinkClient& operator=(const LinkClient&) = delete;

  void add_socket(const std::string& path);
  std::size_t link_count() const { return links_.size(); }

  // Returns the attach id.
  std::uint32_t attach(std::unique_ptr<Attachment> attachment);
  // Refuses new streams from now on; the attachment goes with its last stream.
  void detach(std::uint32_t id);

  // Waits until each link that is (coming) up has answered for these ids, at most `limit`. Links that are down do not
  // count: they attach when they come. Error: kConflict with the webserver's reason for the first refusal, kTimeout.
  loop::Task<Result<void>> settled(std::vector<std::uint32_t> ids, loop::Duration limit);

  // Abandons all streams of an instance; done when the last is finished. Tasks get until `limit`, then they
  // are cancelled.
  loop::Task<void> close_streams(const void* owner, loop::Duration limit);
  std::size_t stream_count(const void* owner) const;
  // At once and without waiting for anything: detaches, cancels and finishes all of an owner.
  void drop(const void* owner);
  // The grant for the attaches from now on; what was refused is tried again with it at once.
  void set_grant(const void* owner, const link::Grant& grant);

  // An attach that the webserver refuses or takes away is tried again, with growing pauses, as long as it is wanted: the
  // manager may just not have told the webserver yet. Called when one of an owner was answered.
  std::function<void(const void* owner)> attach_judged;
  // Which of the owner's paths is refused now, and why; empty if none is.
  std::string refusal(const void* owner) const;

  // Writes at once what would go out at the end of the turn: before work that others should not wait for. A link that is lost by it
  // abandons its streams.
  void flush_early();

  loop::Loop& loop() const { return loop_; }
  const std::string& name() const { return name_; }

 private:
  friend class Link;
  friend class Stream;
  static constexpr std::chrono::seconds kLinger{30};
  static constexpr std::chrono::milliseconds kFirstRetry{100}, kLongestRetry{5000};

  Attachment* find_attachment(std::uint32_t id);
  std::vector<Attachment*> attachments() const;
  void attach_answered() { changed_.set(); }
  // After an answer about `attachment`: plans another try if it was no good. `was_there`: it was attached until now.
  void judge(const Attachment& attachment, bool was_there);
  void plan_retry(loop::Duration pause);
  void retry();
  // The webserver has a successor, which listens at the same path: another link goes there, this one keeps its streams.
  void link_leaves(Link& link);
  // Forgets the left links that are down, at the end of the turn.
  void left_link_is_gone();
  template <class Call>
  void for_each_link(Call call) const {  // left ones, too
    for (const auto& link : links_) call(*link);
    for (const auto& link : left_) call(*link);
  }
  void bury(std::unique_ptr<Stream> stream);
  void schedule_reap();
  void reap();
  void drop_detached();

  struct Held {
    std::unique_ptr<Attachment> attachment;
    std::size_t streams = 0;
    bool detached = false;
  };
  struct Grave {
    std::unique_ptr<Stream> stream;
    loop::TimePoint until;
  };

  loop::Loop& loop_;
  const std::string name_;
  std::uint32_t next_id_ = 1;
  std::map<std::uint32_t, Held> attachments_;
  std::vector<std::uint8_t> buffer_;  // one read, shared by all links
  std::vector<Grave> graves_;
  loop::Deferred reaping_;
  loop::Timer linger_;
  loop::Event changed_;
  loop::Timer retrying_;
  loop::Duration next_retry_ = kFirstRetry;
  loop::Deferred forgetting_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<Link>>
      left_;  // of webservers that have a successor: nothing new is attached there
};

}  // namespace berth::sdk
