#include "manager/commands/upload.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "net/test_support.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
namespace nt = net::test;

// A server that answers by a script and keeps what it has got.
class UploadTest : public testing::Test {
 protected:
  struct Got {
    std::string method, target, authorization, body;
  };

  loop::Task<void> serve(std::unique_ptr<net::Stream> stream) {
    for (;;) {
      auto request = co_await nt::read_request(*stream);
      Got got{request.head.method, request.head.target,
              std::string(http1::find_header(request.head.headers, "authorization").value_or("")),
              std::move(request.body)};
      const int status = answer_(got);
      got_.push_back(std::move(got));
      co_await stream->write(nt::answer(status, ""));
      if (!request.head.keep_alive) co_return;
    }
  }

  std::uint64_t put(std::string path, std::string content = "the dump") {
    UploadPlace place;
    place.url = server_.url("http", path);
    return put(std::move(place), std::move(content));
  }
  std::uint64_t put(UploadPlace place, std::string content) {
    return loop::run_task(loop_,
                          uploader_.put(std::move(place), [&, content](BackupSink& sink) -> Task<void> {
                            ++writes_;
                            co_await sink.write(content);
                          }));
  }
  Error put_error(std::string path) {
    try {
      put(std::move(path));
    } catch (const Failure& failure) {
      return failure.error();
    }
    return {Errc::kFailed, "nothing thrown"};
  }

  loop::Loop loop_;
  net::HttpClient http_{loop_};
  Uploader uploader_{loop_, http_, {1ms, 1ms}};
  std::function<int(const Got&)> answer_ = [](const Got&) { return 201; };
  std::vector<Got> got_;
  int writes_ = 0;
  nt::Server server_{loop_, [this](std::unique_ptr<net::Stream> stream) { return serve(std::move(stream)); }};
};

TEST_F(UploadTest, PutsTheWholeFile) {
  EXPECT_EQ(put("/a/b.dump?x=1", std::string(1 << 20, 'x')), 1u << 20);
  ASSERT_EQ(got_.size(), 1u);
  EXPECT_EQ(got_[0].method, "PUT");
  EXPECT_EQ(got_[0].target, "/a/b.dump?x=1");
  EXPECT_EQ(got_[0].body.size(), 1u << 20);
  EXPECT_EQ(got_[0].authorization, "");
}

TEST_F(UploadTest, TriesAFailingServerAgainWithAFreshFile) {
  int left = 2;
  answer_ = [&](const Got&) { return left-- > 0 ? 503 : 201; };
  EXPECT_EQ(put("/a"), 8u);
  EXPECT_EQ(writes_, 3);
  left = 3;
  EXPECT_EQ(put_error("/a").code, Errc::kUnavailable);
}

TEST_F(UploadTest, DoesNotInsistWhereTryingHelpsNobody) {
  const std::pair<int, Errc> table[] = {
      {401, Errc::kDenied},  {403, Errc::kDenied},      {405, Errc::kUnsupported}, {413, Errc::kTooLarge},
      {507, Errc::kNoSpace}, {302, Errc::kUnsupported}, {411, Errc::kUnsupported}, {400, Errc::kFailed}};
  for (const auto& [status, code] : table) {
    writes_ = 0;
    answer_ = [status = status](const Got&) { return status; };
    const auto error = put_error("/a");
    EXPECT_EQ(error.code, code) << status;
    EXPECT_NE(error.detail.find(std::to_string(status)), std::string::npos) << error.detail;
    EXPECT_EQ(writes_, 1) << status;
  }
}

TEST_F(UploadTest, MakesMissingFoldersOfWebdavServers) {
  std::set<std::string> folders = {"/"};
  answer_ = [&](const Got& got) {
    const auto parent = got.target.substr(0, got.target.rfind('/', got.target.size() - 2) + 1);
    if (!folders.contains(parent)) return 409;
    if (got.method == "MKCOL") return folders.insert(got.target).second ? 201 : 405;
    return 201;
  };
  EXPECT_EQ(put("/backup/example.com/team.dump"), 8u);
  EXPECT_EQ(folders, (std::set<std::string>{"/", "/backup/", "/backup/example.com/"}));
  EXPECT_EQ(got_.back().method, "PUT");
  EXPECT_EQ(got_.back().body, "the dump");

  answer_ = [](const Got&) { return 409; };  // cannot be made
  EXPECT_EQ(put_error("/no/where").code, Errc::kNotFound);
}

TEST_F(UploadTest, ShowsUserAndPassword) {
  put({.url = server_.url("http", "/a"), .user = "Aladdin", .password = "open sesame"}, "x");
  EXPECT_EQ(got_.back().authorization, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST_F(UploadTest, WhatFailsInTheMakingIsTheReasonAndNoWholeFileArrives) {
  UploadPlace place;
  place.url = server_.url("http", "/a");
  try {
    loop::run_task(loop_, uploader_.put(place, [](BackupSink& sink) -> Task<void> {
      co_await sink.write("half of it");
      throw_failure(Errc::kDenied, "the table is somebody else's");
    }));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().detail, "the table is somebody else's");
  }
  EXPECT_TRUE(got_.empty());
}

TEST_F(UploadTest, TellsNoTokenOfAnAddress) {
  UploadPlace place;
  place.url = "http://no.such.name.invalid/a?token=secret";
  try {
    put(place, "x");
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kNotFound);
    EXPECT_EQ(failure.error().detail.find("secret"), std::string::npos) << failure.error().detail;
    EXPECT_NE(failure.error().detail.find("http://no.such.name.invalid/a"), std::string::npos);
  }
}

}  // namespace
}  // namespace berth::manager
