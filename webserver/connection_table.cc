#include "webserver/connection_table.h"

#include <sys/mman.h>

#include <bit>
#include <memory>

#include "base/result.h"
#include "webserver/http/conversation.h"

namespace berth::webserver {

ConnectionTable::ConnectionTable(Reactor& reactor)
    : reactor_(reactor), has_room_(kPages / 64, ~std::uint64_t{0}) {
  void* memory = ::mmap(nullptr, kPages * kPageSize, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw Failure(errno_error(errno, "reserve the table of connections"));
  // A huge page would take memory for 52,224 connections when the first one comes.
  ::madvise(memory, kPages * kPageSize, MADV_NOHUGEPAGE);
  pages_ = static_cast<Page*>(memory);
}

ConnectionTable::~ConnectionTable() {
  BERTH_CHECK(used_ == 0);
  ::munmap(pages_, kPages * kPageSize);
}

Connection& ConnectionTable::take() {
  BERTH_CHECK(!is_full());
  while (has_room_[first_room_] == 0) ++first_room_;
  const auto number = static_cast<std::uint32_t>(
      first_room_ * 64 + static_cast<std::size_t>(std::countr_zero(has_room_[first_room_])));
  if (number >= end_ || !at(number).reactor) begin(number);
  Page& page = at(number);
  if (number == spare_) spare_ = kNone;
  auto& connection = page.records[static_cast<std::size_t>(page.first_free)];
  page.first_free = static_cast<std::int16_t>(connection.fd_);
  connection.fd_ = -1;
  ++used_;
  if (++page.used == kPerPage) has_room_[number / 64] &= ~(std::uint64_t{1} << number % 64);
  return connection;
}

void ConnectionTable::begin(std::uint32_t number) {
  end_ = std::max(end_, number + 1);
  ++touched_;
  Page& page = *std::construct_at(&pages_[number]);
  page.reactor = &reactor_;
  page.number = number;
  page.used = 0;
  page.first_free = 0;
  for (std::size_t i = 0; i < kPerPage; ++i)
    page.records[i].fd_ = i + 1 < kPerPage ? static_cast<int>(i + 1) : -1;
}

void ConnectionTable::give_back(Connection& connection) {
  const auto index = index_of(connection);
  Page& page = at(index >> kPositionBits);
  connection.fd_ = page.first_free;
  page.first_free = static_cast<std::int16_t>(index & ((1U << kPositionBits) - 1));
  --used_;
  has_room_[page.number / 64] |= std::uint64_t{1} << page.number % 64;
  first_room_ = std::min<std::size_t>(first_room_, page.number / 64);
  if (--page.used > 0) return;
  // One stays: a client that comes and goes must not make the kernel map and clear a page each time.
  if (spare_ == kNone) {
    spare_ = page.number;
  } else if (spare_ < page.number) {
    release(page);
  } else {
    release(at(std::exchange(spare_, page.number)));
  }
}

void ConnectionTable::release(Page& page) {
  std::destroy_at(&page);
  --touched_;
  // Reads as zero from now on: no reactor, all records free.
  ::madvise(&page, kPageSize, MADV_DONTNEED);
}

Connection* ConnectionTable::find(std::uint32_t index) {
  const auto number = index >> kPositionBits;
  const auto position = index & ((1U << kPositionBits) - 1);
  if (number >= end_ || position >= kPerPage || !at(number).reactor) return nullptr;
  return &at(number).records[position];
}

}  // namespace berth::webserver
