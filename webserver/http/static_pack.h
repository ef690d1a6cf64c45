// The files of a static attach, mapped from the memfd that the service handed over.
#pragma once

#include <memory>

#include "base/result.h"
#include "wire/static_pack/pack.h"

namespace berth::webserver {

// Shared (shared_ptr) between the attach and the answers under way: a service may take its files back
// while a slow client still reads one.
class StaticPack {
 public:
  // Maps a memfd that is sealed against every change (else its sender could pull the pages from under us)
  // and checks its index. kMalformed says what is wrong. The descriptor stays the caller's.
  static Result<std::shared_ptr<const StaticPack>> map(int fd);
  ~StaticPack();
  StaticPack(const StaticPack&) = delete;
  StaticPack& operator=(const StaticPack&) = delete;

  const static_pack::Entry* find(std::string_view path) const { return pack_->find(path); }

 private:
  StaticPack() = default;
  void* memory_ = nullptr;
  std::size_t size_ = 0;
  std::optional<static_pack::Pack> pack_;
};

}  // namespace berth::webserver
