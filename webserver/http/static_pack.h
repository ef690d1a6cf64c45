// The files of a static attach, mapped from the memfd that the service handed over.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/result.h"
#include "wire/static_pack/pack.h"

namespace berth::webserver {

// Shared (shared_ptr) between the attach and the answers under way: a service may take its files back
// while a slow client still reads one.
class StaticPack {
 public:
  // Maps a memfd that is sealed against every change (else its sender could pull the pages from under us)
  // and checks its index. kMalformed says what is wrong. The descriptor stays the caller's and is not needed any more.
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

// All packs of one reactor. The instances of a service hand over the same memfd: it is mapped once and its index is
// read once.
class StaticPacks {
 public:
  // As StaticPack::map().
  Result<std::shared_ptr<const StaticPack>> open(int fd);

 private:
  std::map<std::pair<dev_t, ino_t>, std::weak_ptr<const StaticPack>> known_;
};

}  // namespace berth::webserver
