#include "webserver/http/static_pack.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

namespace berth::webserver {

Result<std::shared_ptr<const StaticPack>> StaticPack::map(int fd) {
  constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0) return fail(Errc::kMalformed, "the descriptor is no memfd");
  if ((seals & kSeals) != kSeals) return fail(Errc::kMalformed, "the memfd is not sealed");
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail_errno(errno, "stat of the pack");
  if (status.st_size <= 0) return fail(Errc::kMalformed, "the pack is empty");

  std::shared_ptr<StaticPack> pack(new StaticPack);
  const auto size = static_cast<std::size_t>(status.st_size);
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "map the pack");
  pack->memory_ = memory;
  pack->size_ = size;
  auto opened = static_pack::Pack::open(ByteView(static_cast<const std::uint8_t*>(memory), size));
  if (!opened) return tl::unexpected(std::move(opened.error()));
  pack->pack_.emplace(std::move(*opened));
  return pack;
}

StaticPack::~StaticPack() {
  if (memory_) ::munmap(memory_, size_);
}

Result<std::shared_ptr<const StaticPack>> StaticPacks::open(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return fail_errno(errno, "stat of the pack");
  std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  // A mapped one keeps its inode, so the number can be no other file's. It was sealed when it was mapped.
  const auto key = std::make_pair(status.st_dev, status.st_ino);
  if (const auto found = known_.find(key); found != known_.end())
    if (auto pack = found->second.lock()) return pack;
  BERTH_TRY(auto pack, StaticPack::map(fd));
  known_[key] = pack;
  return pack;
}

}  // namespace berth::webserver
