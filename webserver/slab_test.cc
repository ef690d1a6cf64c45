#include "webserver/slab.h"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

namespace berth::webserver {
namespace {

// 232 bytes, as TlsLayer.
struct Thing {
  explicit Thing(std::uint64_t number, int& living) : number(number), living(living) { ++living; }
  ~Thing() { --living; }
  std::uint64_t number;
  std::uint64_t filling[27] = {};
  int& living;
};

TEST(Slab, SeventeenOf232BytesShareAPage) {
  int living = 0;
  Slab<Thing> slab;
  std::vector<Slab<Thing>::Pointer> things;
  for (int i = 0; i < 17; ++i) things.push_back(slab.make(i, living));
  EXPECT_EQ(slab.pages(), 1U);
  things.push_back(slab.make(17, living));
  EXPECT_EQ(slab.pages(), 2U);
  EXPECT_EQ(living, 18);
}

TEST(Slab, PagesWithoutObjectsGoBack) {
  int living = 0;
  Slab<Thing> slab;
  std::vector<Slab<Thing>::Pointer> things;
  for (int i = 0; i < 10'000; ++i) things.push_back(slab.make(i, living));
  EXPECT_EQ(slab.pages(), 589U);
  things.resize(17);
  EXPECT_LE(slab.pages(), 2U);
  things.clear();
  EXPECT_EQ(living, 0);
  EXPECT_EQ(slab.pages(), 1U);
}

TEST(Slab, ObjectsKeepWhatTheyHoldWhateverComesAndGoes) {
  int living = 0;
  Slab<Thing> slab;
  std::vector<std::pair<std::uint64_t, Slab<Thing>::Pointer>> things;
  std::mt19937 random(20261123);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    // Now more come than go, now more go.
    if (things.empty() || random() % 100 < (i / 2'500 % 2 == 0 ? 70U : 30U)) {
      things.emplace_back(i, slab.make(i, living));
      things.back().second->filling[26] = ~i;
    } else {
      std::swap(things[random() % things.size()], things.back());
      things.pop_back();
    }
  }
  EXPECT_EQ(living, static_cast<int>(things.size()));
  for (const auto& [number, thing] : things) {
    EXPECT_EQ(thing->number, number);
    EXPECT_EQ(thing->filling[26], ~number);
  }
}

TEST(Slab, WhatCannotBeMadeTakesNoRoom) {
  struct Refuses {
    explicit Refuses(bool does) {
      if (does) throw std::runtime_error("no");
    }
    std::uint64_t filling[200] = {};
  };
  Slab<Refuses> slab;
  const auto first = slab.make(false);
  for (int i = 0; i < 10; ++i) EXPECT_THROW((void)slab.make(true), std::runtime_error);
  const auto second = slab.make(false);
  EXPECT_EQ(slab.pages(), 1U);
}

}  // namespace
}  // namespace berth::webserver
