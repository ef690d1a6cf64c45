#include "sdk/link/stream_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "sdk/link/attachment.h"
#include "sdk/link/link.h"
#include "sdk/link/link_client.h"
#include "sdk/share/instance_share.h"

namespace berth::sdk {
namespace {

class Nothing : public Stream {
 public:
  using Stream::Stream;
  void start() override {}
  void on_credit() override {}
  void on_gone(std::uint16_t) override {}
  bool is_busy() const override { return false; }
  void finish() override {}
  void abandon() override {}
};

TEST(StreamTable, FindsWhatIsInAndNothingElseWhateverComesAndGoes) {
  loop::Loop loop;
  LinkClient client(loop, "test");
  Link link(client, "/nowhere");
  Turns turns(loop);
  InstanceShare share(turns);
  Attachment attachment(nullptr, share, link::Kind::kHttp, {}, "/", {});
  StreamTable table;
  std::map<std::uint32_t, Stream*> expected;
  std::mt19937 random(1);
  std::size_t most_places = 0;
  for (int i = 0; i < 60000; ++i) {
    // As a webserver makes them: an index below, a generation above.
    const auto id = static_cast<std::uint32_t>(random() % 5000 | (random() % 3 + 1) << 21);
    const bool fills = i < 30000;
    if (random() % 10 < (fills ? 7U : 3U)) {
      if (expected.contains(id)) continue;
      auto stream = std::make_unique<Nothing>(Stream::Seed{link, attachment, id, 0});
      expected[id] = stream.get();
      table.add(std::move(stream));
    } else {
      const auto taken = table.take(id);
      const auto known = expected.find(id);
      ASSERT_EQ(taken.get(), known == expected.end() ? nullptr : known->second);
      if (taken) expected.erase(known);
    }
    ASSERT_EQ(table.size(), expected.size());
    most_places = std::max(most_places, table.size());
  }
  EXPECT_GT(most_places, 3000u);
  for (const auto& [id, stream] : expected) ASSERT_EQ(table.find(id), stream);
  std::size_t count = 0;
  table.for_each([&](Stream& stream) { count += expected.at(stream.id()) == &stream; });
  EXPECT_EQ(count, expected.size());
  EXPECT_EQ(table.take_all().size(), expected.size());
  EXPECT_EQ(table.find(1 << 21), nullptr);
}

}  // namespace
}  // namespace berth::sdk
