#include "webserver/connection_table.h"

#include <set>

#include "webserver/testing/peers.h"

namespace berth::webserver::testing {
namespace {

// The table does not look into its reactor: any address will do.
struct Table {
  alignas(Reactor) std::array<std::uint8_t, sizeof(Reactor)> place{};
  Reactor& reactor = *reinterpret_cast<Reactor*>(place.data());
  ConnectionTable table{reactor};
};

TEST(ConnectionTable, GivesEachRecordItsReactorAndItsNumber) {
  Table t;
  std::set<std::uint32_t> numbers;
  std::vector<Connection*> taken;
  for (int i = 0; i < 1000; ++i) {
    auto& connection = t.table.take();
    taken.push_back(&connection);
    EXPECT_EQ(&ConnectionTable::reactor_of(connection), &t.reactor);
    const auto index = ConnectionTable::index_of(connection);
    EXPECT_TRUE(numbers.insert(index).second);
    EXPECT_LT(index, 1U << Connection::kIndexBits);
    EXPECT_EQ(t.table.find(index), &connection);
  }
  EXPECT_EQ(t.table.pages(), 10U);  // 102 in each
  for (auto* connection : taken) t.table.give_back(*connection);
}

TEST(ConnectionTable, KeepsMemoryOnlyWhereThereAreRecords) {
  Table t;
  std::vector<Connection*> taken;
  for (int i = 0; i < 10200; ++i) taken.push_back(&t.table.take());
  EXPECT_EQ(t.table.pages(), 100U);
  const auto last = ConnectionTable::index_of(*taken.back());
  // One of the first page stays; the others go in an order that empties pages in the middle as well.
  for (std::size_t step : {7, 3, 1})
    for (std::size_t i = 1; i < taken.size(); i += step)
      if (taken[i]) t.table.give_back(*std::exchange(taken[i], nullptr));
  EXPECT_EQ(t.table.size(), 1U);
  EXPECT_LE(t.table.pages(), 2U);
  EXPECT_EQ(t.table.find(last), nullptr);
  auto& next = t.table.take();
  EXPECT_LT(ConnectionTable::index_of(next), 102U);  // fills the lowest page first
  t.table.give_back(next);
  t.table.give_back(*taken[0]);
}

TEST(ConnectionTable, FindsNothingThatItNeverGaveOut) {
  Table t;
  EXPECT_EQ(t.table.find(0), nullptr);
  auto& connection = t.table.take();
  const auto index = ConnectionTable::index_of(connection);
  EXPECT_EQ(t.table.find(index + 102), nullptr);  // no such position in a page
  EXPECT_EQ(t.table.find(index + 128), nullptr);  // next page
  EXPECT_EQ(t.table.find((1U << Connection::kIndexBits) - 1), nullptr);
  t.table.give_back(connection);
}

TEST(ConnectionTable, HasRoomForAMillion) {
  static_assert(ConnectionTable::kMost > 1'600'000);
  Table t;
  std::vector<Connection*> taken;
  taken.reserve(1'000'000);
  for (int i = 0; i < 1'000'000; ++i) taken.push_back(&t.table.take());
  EXPECT_EQ(t.table.size(), 1'000'000U);
  EXPECT_EQ(t.table.pages(), (1'000'000 + 101) / 102);
  for (auto* connection : taken) t.table.give_back(*connection);
  EXPECT_EQ(t.table.pages(), 1U);
}

}  // namespace
}  // namespace berth::webserver::testing
