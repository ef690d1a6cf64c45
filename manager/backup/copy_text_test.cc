#include "manager/backup/copy_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

TEST(CopyText, IsReadAsPostgresqlWroteIt) {
  EXPECT_EQ(find_copied_row("SET x;\nCOPY s.t (json) FROM stdin;\na\\tb\\\\c\\n\\x41\\101\n\\.\n"),
            "a\tb\\c\nAA");
  EXPECT_EQ(find_copied_row("COPY s.t (json) FROM stdin;\n\\.\n"), std::nullopt);
  EXPECT_EQ(find_copied_row("COPY s.t (json) FROM stdin;\n\\N\n\\.\n"), std::nullopt);
  EXPECT_EQ(find_copied_row("COPY s.t (json) FROM stdin;\ncut off"), std::nullopt);
  EXPECT_EQ(find_copied_row("nothing"), std::nullopt);
}

}  // namespace
}  // namespace berth::manager
