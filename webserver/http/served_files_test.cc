#include "webserver/http/served_files.h"

#include <gtest/gtest.h>

namespace berth::webserver {
namespace {

TEST(ServedBook, GoesOnWhereItWasWhenAPathIsAttachedAgain) {
  ServedBook book;
  book.at("/example.com/team")->requests = 3;
  EXPECT_EQ(book.at("/example.com/team")->requests, 3u);
  book.at("/example.com/idle");
  std::size_t told = 0;
  book.for_each([&](const std::string& path, const ServedFiles& served) {
    EXPECT_EQ(path, "/example.com/team");
    EXPECT_EQ(served.requests, 3u);
    ++told;
  });
  EXPECT_EQ(told, 1u);
}

TEST(ServedBook, ForgetsWhatIsAttachedNoMoreWhenThereIsMuch) {
  ServedBook book;
  const auto kept = book.at("/kept");
  kept->requests = 1;
  for (std::size_t i = 0; i < 3 * ServedBook::kMostForgotten; ++i) book.at("/gone/" + std::to_string(i));
  EXPECT_LE(book.size(), ServedBook::kMostForgotten);
  EXPECT_EQ(book.at("/kept")->requests, 1u);
}

}  // namespace
}  // namespace berth::webserver
