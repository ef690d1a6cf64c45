// The records of a reactor's clients, in pages that come and go with them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "webserver/connection.h"

namespace berth::webserver {

class Reactor;

// Address space for all records there can be; memory (mmap(2), a page of 4 KiB for 102 records) only where
// there are some, given back when the last record of a page has gone. What the records have in common stands
// once at the beginning of each page, so no record has a pointer to its reactor or a number of its own.
class ConnectionTable {
 public:
  explicit ConnectionTable(Reactor& reactor);
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;

  bool is_full() const { return used_ == kMost; }
  Connection& take();  // not while full. The one in the lowest page that has room
  void give_back(Connection& connection);
  // Null where no record has been yet; else maybe a free one.
  Connection* find(std::uint32_t index);
  std::size_t size() const { return used_; }
  std::size_t pages() const { return touched_; }  // that have memory

  template <class Call>
  void for_each(Call call) {  // free records, too
    for (std::uint32_t number = 0; number < end_; ++number) {
      Page& page = at(number);
      for (std::size_t i = 0; page.used > 0 && i < kPerPage; ++i) call(page.records[i]);
    }
  }

  static Reactor& reactor_of(const Connection& connection) { return *page_of(connection).reactor; }
  static std::uint32_t index_of(const Connection& connection) {
    const Page& page = page_of(connection);
    return page.number << kPositionBits | static_cast<std::uint32_t>(&connection - page.records.data());
  }

 private:
  static constexpr std::size_t kPageSize = 4096;
  static constexpr std::size_t kPerPage = (kPageSize - 16) / sizeof(Connection);
  static constexpr unsigned kPositionBits = 7;
  static constexpr std::size_t kPages = std::size_t{1} << (Connection::kIndexBits - kPositionBits);

 public:
  static constexpr std::size_t kMost = kPages * kPerPage;  // 1,671,168

 private:
  struct alignas(kPageSize) Page {
    Reactor* reactor;  // null: the page has no memory of its own yet, or no more
    std::uint32_t number;
    std::uint16_t used;
    std::int16_t first_free;  // -1: none
    std::array<Connection, kPerPage> records;
  };
  static_assert(sizeof(Page) == kPageSize && kPerPage <= 1 << kPositionBits);

  static const Page& page_of(const Connection& connection) {
    return *reinterpret_cast<const Page*>(reinterpret_cast<std::uintptr_t>(&connection) & ~(kPageSize - 1));
  }
  Page& at(std::uint32_t number) { return pages_[number]; }
  void begin(std::uint32_t number);
  void release(Page& page);

  Reactor& reactor_;
  Page* pages_;            // kPages of them, reserved
  std::uint32_t end_ = 0;  // none from here on has been used
  std::size_t used_ = 0, touched_ = 0;
  std::uint32_t spare_ = kNone;          // an empty page that keeps its memory, for the next that comes
  std::vector<std::uint64_t> has_room_;  // a bit a page
  std::size_t first_room_ = 0;           // no bit is set in words before this
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
};

}  // namespace berth::webserver
