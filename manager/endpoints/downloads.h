// Files that wait to be fetched over HTTP, each by an address of its own that serves once.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>

#include "api/crash.h"
#include "loop/loop.h"
#include "manager/instances/exports.h"

namespace berth::manager {

class AdminPeer;

struct DownloadLimits {
  std::size_t at_once = 8;         // that are being made, wait or are being fetched
  std::chrono::seconds wait{120};  // for the request that fetches it
};

// Owned by Admin; outlives all slots. An offer ends when it is fetched, when its time is over, and with the session that
// asked for it, whichever comes first; its file is closed then. What is being fetched goes on to its end.
class Downloads {
 public:
  // A place among those that may be at once; gives it back when it goes. Empty: none.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept : downloads_(std::exchange(other.downloads_, nullptr)) {}
    Slot& operator=(Slot&& other) noexcept {
      std::swap(downloads_, other.downloads_);
      return *this;
    }
    ~Slot() {
      if (downloads_) --downloads_->taken_;
    }

   private:
    friend class Downloads;
    explicit Slot(Downloads& downloads) : downloads_(&downloads) { ++downloads.taken_; }
    Downloads* downloads_ = nullptr;
  };
  struct Taken {
    Slot slot;  // until it has been sent
    FileExport file;
  };

  Downloads(loop::Loop& loop, std::function<DownloadLimits()> limits)
      : loop_(loop), limits_(std::move(limits)), expiry_(loop) {}

  // Before the work that makes the file. Throws Failure(kUnavailable) if there are as many as may be.
  Slot reserve();
  // `owner` is a peer until withdraw().
  api::Download offer(Slot slot, const AdminPeer& owner, FileExport file);
  // Throws Failure(kDenied) if there is none by this key (any more).
  Taken take(const std::optional<std::string>& key);
  // The session has ended.
  void withdraw(const AdminPeer& owner);

 private:
  struct Offer {
    std::string key;
    const AdminPeer* owner;
    loop::TimePoint ends;
    Taken content;
  };
  void expire();

  loop::Loop& loop_;
  const std::function<DownloadLimits()> limits_;
  std::size_t taken_ = 0;  // slots; goes after the offers that hold them
  std::list<Offer> offers_;
  loop::Timer expiry_;
};

}  // namespace berth::manager
