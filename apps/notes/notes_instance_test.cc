// Sessions and files of one instance: the service with a real PostgreSQL behind a scripted webserver.
#include "apps/notes/notes_instance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/notes/testing/store_fixture.h"
#include "base/text.h"
#include "sdk/testing/fixture.h"

namespace berth::notes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint32_t kAnn = 1, kBob = 2;

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
};

class NotesTest : public sdk::ServiceFixture<NotesInstance> {
 protected:
  NotesTest() {
    database_arguments = arguments();
    database_arguments.database.conninfo =
        db::format_conninfo(db::TemporaryCluster::shared().make_database());
    webserver->credit_for_service = 16 << 20;  // who gives credit back is not the matter here
    start(database_arguments);
    enter(kAnn, "Ann");
    enter(kBob, "Bob");
  }

  void enter(std::uint32_t stream, const std::string& name) {
    ASSERT_TRUE(json::get_bool(log_in(stream, "pwd", kPath, name), "ok"));
  }
  // The answer to a request; indications that came before it are kept for indication().
  json::Object request(std::uint32_t stream, std::string_view text) {
    auto message = or_throw(json::parse_object(text));
    const std::string src = fmt::format("r{}", ++last_src_);
    message["src"] = src;
    webserver->send_text(stream, json::serialize(message));
    while (true) {
      auto answer = next_json(stream);
      if (json::get_string(answer, "src") == src) return answer;
      indications_[stream].push_back(std::move(answer));
    }
  }
  json::Object subscribe(std::uint32_t stream) {
    webserver->send_text(stream, R"({"mt":"Subscribe","src":"live"})");
    while (true) {
      auto answer = next_json(stream);
      if (json::get_string(answer, "mt") == "SubscribeResult") return answer;
    }
  }
  // The next one of that kind; others before it are dropped.
  json::Object indication(std::uint32_t stream, std::string_view mt) {
    while (true) {
      auto& waiting = indications_[stream];
      json::Object message;
      if (!waiting.empty()) {
        message = std::move(waiting.front());
        waiting.pop_front();
      } else {
        message = next_json(stream);
      }
      if (json::get_string(message, "mt") != mt) continue;
      EXPECT_EQ(json::get_string(message, "src"), "live");
      return message;
    }
  }
  static std::string add_note_request(std::string_view text, std::string_view id = kNote) {
    json::Object message{{"mt", "AddNote"}, {"board", kBoard}, {"color", "green"}, {"position", 1.5}};
    message["id"] = boost::json::string(id.data(), id.size());
    message["text"] = boost::json::string(text.data(), text.size());
    return json::serialize(message);
  }
  void make_board() {
    const auto answer =
        request(kAnn, fmt::format(R"({{"mt":"AddBoard","id":"{}","title":"Ideas","position":1}})", kBoard));
    ASSERT_FALSE(answer.contains("error")) << json::serialize(answer);
  }

  HttpAnswer http(std::uint16_t method, const std::string& relative, const std::string& query,
                  link::Headers headers = {}, std::string body = "") {
    const std::string path = std::string(kPath) + "/files";
    link::Open open;
    open.attach = webserver->await_attach(path, link::Kind::kHttp);
    open.kind = link::Kind::kHttp;
    open.method = method;
    open.peer = "192.0.2.1:51234";
    open.target = path + (relative.empty() ? "" : "/" + relative) + "?" + query;
    open.relative = relative;
    open.headers = std::move(headers);
    const bool has_body = method == link::kPost;
    if (has_body) open.bits = link::kOpenHasBody;
    const std::uint32_t stream = ++last_stream_;
    webserver->open(stream, open);
    if (has_body) send_body(stream, body);
    return read_answer(stream);
  }
  HttpAnswer upload(const std::string& query, std::string body, std::string type = "image/png") {
    const auto length = std::to_string(body.size());
    return http(link::kPost, "", query, {{"content-length", length}, {"content-type", std::move(type)}},
                std::move(body));
  }
  std::string upload_query(const std::string& key, std::string_view name = "plan.png",
                           std::string_view id = kFile, std::string_view note = kNote) {
    return fmt::format("note={}&id={}&name={}&key={}", note, id, name, key);
  }

  sdk::InstanceArguments database_arguments;

 private:
  void send_body(std::uint32_t stream, std::string_view body) {
    // In frames, and within the credit that the service gives.
    std::uint64_t sent = 0;
    do {
      const auto piece = body.substr(sent, 30000);
      const auto allowed = [&] {
        return link::kDefaultCredit + webserver->credit[stream] >= sent + piece.size();
      };
      loop.run_until([&] { return allowed() || webserver->has_frame(stream); });
      if (!allowed()) return;  // already answered
      sent += piece.size();
      Bytes out;
      link::append_data(out, link::Type::kData, stream, sent == body.size() ? link::kFlagEnd : 0,
                        as_bytes(piece));
      webserver->send(out);
    } while (sent < body.size());
  }
  HttpAnswer read_answer(std::uint32_t stream) {
    HttpAnswer answer;
    auto frame = webserver->next(stream);
    EXPECT_EQ(frame.header.type, link::Type::kAccept);
    const auto accept = or_throw(link::parse_accept(frame.payload));
    answer.status = accept.status;
    for (const auto& [name, value] : accept.headers) answer.headers[to_lower(name)] = value;
    if (accept.bits & link::kAcceptNoBody) return answer;
    std::uint64_t unanswered = 0;
    while (true) {
      frame = webserver->next(stream);
      if (frame.header.type != link::Type::kData) break;
      answer.body += frame.text();
      unanswered += frame.payload.size();
      if (frame.header.flags & link::kFlagEnd) break;
      Bytes credit;
      link::append_credit(credit, stream, static_cast<std::uint32_t>(std::exchange(unanswered, 0)));
      webserver->send(credit);
    }
    return answer;
  }

  int last_src_ = 0;
  std::uint32_t last_stream_ = 1000;
  std::map<std::uint32_t, std::deque<json::Object>> indications_;
};

TEST_F(NotesTest, EverySessionSeesEveryChangeAndItsAuthor) {
  subscribe(kAnn);
  subscribe(kBob);
  make_board();
  EXPECT_EQ(indication(kBob, "BoardChanged").at("board").at("title"), "Ideas");
  const auto added = request(kAnn, add_note_request("milk")).at("note");
  EXPECT_EQ(added.at("author"), "Ann");
  EXPECT_EQ(added.at("revision"), 1);
  EXPECT_EQ(indication(kBob, "NoteChanged").at("note"), added);
  const auto edited =
      request(kBob, fmt::format(R"({{"mt":"EditNote","id":"{}","text":"bread"}})", kNote)).at("note");
  EXPECT_EQ(edited.at("changedBy"), "Bob");
  EXPECT_EQ(indication(kAnn, "NoteChanged").at("note").at("text"), "milk") << "its own, first";
  EXPECT_EQ(indication(kAnn, "NoteChanged").at("note"), edited);
  request(kAnn, fmt::format(R"({{"mt":"RemoveNote","id":"{}"}})", kNote));
  EXPECT_EQ(indication(kBob, "NoteRemoved").at("id"), kNote);
}

TEST_F(NotesTest, AnAcknowledgedNoteIsInTheDatabase) {
  make_board();
  request(kAnn, add_note_request("milk"));
  db::DatabaseOptions options;
  options.connection = or_throw(db::parse_conninfo(database_arguments.database.conninfo));
  db::Database other(loop, options);
  const auto rows = loop::run_task(loop, other.query("SELECT text FROM note WHERE id = $1", kNote));
  EXPECT_EQ(rows.front().get<std::string>(0), "milk");
}

TEST_F(NotesTest, AChangeIsToldToOthersEvenIfWhoAskedIsGone) {
  subscribe(kBob);
  make_board();
  indication(kBob, "BoardChanged");
  webserver->send_text(kAnn, add_note_request("milk"));
  Bytes close;
  link::append(close, kAnn, link::Close{1001, ""});
  webserver->send(close);
  EXPECT_EQ(indication(kBob, "NoteChanged").at("note").at("text"), "milk");
}

TEST_F(NotesTest, RequestsMayBeRepeated) {
  make_board();
  const auto first = request(kAnn, add_note_request("milk"));
  const auto second = request(kAnn, add_note_request("milk"));
  EXPECT_EQ(first.at("note"), second.at("note"));
  EXPECT_EQ(request(kAnn, R"({"mt":"GetNotes"})").at("notes").as_array().size(), 1u);
  EXPECT_FALSE(
      request(kAnn, fmt::format(R"({{"mt":"RemoveNote","id":"{}"}})", kOtherNote)).contains("error"));
}

TEST_F(NotesTest, ARefusedRequestSaysWhy) {
  make_board();
  auto answer = request(kAnn, add_note_request(std::string(16385, 'x')));
  EXPECT_EQ(answer.at("mt"), "AddNoteResult");
  EXPECT_EQ(answer.at("errorCode"), "too_large");
  answer = request(kAnn, fmt::format(R"({{"mt":"EditNote","id":"{}","text":"x"}})", kOtherNote));
  EXPECT_EQ(answer.at("errorCode"), "not_found");
  answer = request(kAnn, R"({"mt":"EditNote","id":"x"})");
  EXPECT_EQ(answer.at("errorCode"), "malformed");
}

TEST_F(NotesTest, LargeBoardsComeInSeveralMessagesOfAtMost60000Bytes) {
  make_board();
  const std::string text(16000, '"');  // twice as long in JSON
  for (int i = 0; i < 8; ++i)
    request(kAnn, add_note_request(text, fmt::format("{:08x}-0000-4000-8000-000000000000", i)));
  webserver->send_text(kAnn, R"({"mt":"GetNotes","src":"all"})");
  int messages = 0;
  std::size_t notes = 0;
  while (true) {
    const auto part = webserver->next_text(kAnn);
    ++messages;
    EXPECT_LT(part.size(), 65535u);
    const auto object = or_throw(json::parse_object(part));
    notes += object.at("notes").as_array().size();
    if (!object.contains("more")) break;
  }
  EXPECT_EQ(notes, 8u);
  EXPECT_EQ(messages, 8);
}

TEST_F(NotesTest, ShowsWhoIsHereAndWriting) {
  subscribe(kAnn);
  const auto hello = subscribe(kBob);
  EXPECT_EQ(hello.at("people").as_array().size(), 2u);
  EXPECT_EQ(hello.at("limits").at("file"), 10 << 20);
  request(kBob, fmt::format(R"({{"mt":"SetWriting","note":"{}"}})", kNote));
  std::string people;
  while (people.find(kNote) == std::string::npos) people = json::serialize(indication(kAnn, "PeopleChanged"));
  EXPECT_THAT(people, HasSubstr(R"("name":"Bob","note":")"));
  Bytes close;
  link::append(close, kBob, link::Close{1001, ""});
  webserver->send(close);
  while (people.find("Bob") != std::string::npos) people = json::serialize(indication(kAnn, "PeopleChanged"));
}

TEST_F(NotesTest, FilesGoUpAndComeDownAsTheyWere) {
  make_board();
  request(kAnn, add_note_request("with a picture"));
  const auto key = json::get_string(subscribe(kAnn), "key");
  std::string bytes;
  for (std::size_t i = 0; i < 700001; ++i) bytes += static_cast<char>(i * 31 % 251);  // three parts
  const auto uploaded = upload(upload_query(key), bytes);
  ASSERT_EQ(uploaded.status, 200) << uploaded.body;
  EXPECT_EQ(uploaded.body,
            fmt::format(R"({{"id":"{}","name":"plan.png","type":"image/png","size":700001}})", kFile));
  EXPECT_EQ(indication(kAnn, "NoteChanged").at("note").at("files").as_array().size(), 1u);

  const auto whole = http(link::kGet, kFile, "key=" + key);
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body, bytes);
  EXPECT_EQ(whole.headers.at("content-type"), "image/png");
  EXPECT_EQ(whole.headers.at("content-length"), "700001");
  EXPECT_EQ(whole.headers.at("content-disposition"), "inline");
  EXPECT_EQ(whole.headers.at("x-content-type-options"), "nosniff");

  const auto part = http(link::kGet, kFile, "key=" + key, {{"range", "bytes=262140-262150"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, bytes.substr(262140, 11)) << "over the border of two parts";
  EXPECT_EQ(part.headers.at("content-range"), "bytes 262140-262150/700001");
  EXPECT_EQ(http(link::kGet, kFile, "key=" + key, {{"range", "bytes=-1"}}).body, bytes.substr(700000));
  EXPECT_EQ(http(link::kGet, kFile, "key=" + key, {{"range", "bytes=700001-"}}).status, 416);
  EXPECT_EQ(http(link::kGet, kFile, "key=" + key, {{"if-none-match", fmt::format("\"{}\"", kFile)}}).status,
            304);
}

TEST_F(NotesTest, WhatIsNoPictureIsSavedNotShown) {
  make_board();
  request(kAnn, add_note_request("with a page"));
  const auto key = json::get_string(subscribe(kAnn), "key");
  ASSERT_EQ(
      upload(upload_query(key, "evil.htm"), "<script>alert(1)</script>", "text/html; charset=utf-8").status,
      200);
  const auto page = http(link::kGet, kFile, "key=" + key);
  EXPECT_THAT(page.headers.at("content-disposition"), testing::StartsWith("attachment"));
  EXPECT_THAT(page.headers.at("content-security-policy"), HasSubstr("sandbox"));
}

TEST_F(NotesTest, UploadsAreRefusedWithTheRightStatus) {
  make_board();
  request(kAnn, add_note_request("x"));
  const auto key = json::get_string(subscribe(kAnn), "key");
  EXPECT_EQ(upload(upload_query("wrong"), "x").status, 403);
  EXPECT_EQ(upload(upload_query(""), "x").status, 403);
  EXPECT_EQ(upload(upload_query(key, "a", kFile, kOtherNote), "x").status, 404);
  EXPECT_EQ(upload(upload_query(key, "a", "no-id"), "x").status, 400);
  EXPECT_EQ(upload(upload_query(key, "a/.."), "x").status, 400);
  EXPECT_EQ(http(link::kPost, "", upload_query(key), {}, "x").status, 411);
  const auto large =
      http(link::kPost, "", upload_query(key), {{"content-length", std::to_string((10 << 20) + 1)}}, "x");
  EXPECT_EQ(large.status, 413);
  EXPECT_THAT(large.body, HasSubstr("10485760"));
  EXPECT_EQ(http(link::kGet, kFile, "key=" + key).status, 404);
  EXPECT_EQ(http(link::kGet, "..%2f..", "key=" + key).status, 404);
  EXPECT_EQ(http(link::kGet, "", "key=" + key).status, 405);
}

TEST_F(NotesTest, ASessionThatEndedOpensNoFiles) {
  const auto key = json::get_string(subscribe(kBob), "key");
  EXPECT_EQ(http(link::kGet, kFile, "key=" + key).status, 404);
  Bytes close;
  link::append(close, kBob, link::Close{1001, ""});
  webserver->send(close);
  webserver->settle();
  EXPECT_EQ(http(link::kGet, kFile, "key=" + key).status, 403);
}

TEST_F(NotesTest, TheFileLimitIsASetting) {
  const auto written = request(
      kAnn, R"({"mt":"WriteConfig","api":"Config","ConfigItems":{"maxFileSize":65536,"title":"Our board"}})");
  EXPECT_EQ(written.at("result"), "ok") << json::serialize(written);
  const auto hello = subscribe(kAnn);
  EXPECT_EQ(hello.at("limits").at("file"), 65536);
  EXPECT_EQ(hello.at("title"), "Our board");
  make_board();
  request(kAnn, add_note_request("x"));
  EXPECT_EQ(upload(upload_query(json::get_string(hello, "key")), std::string(65537, 'x')).status, 413);
}

TEST_F(NotesTest, ChecksItself) {
  EXPECT_EQ(json::serialize(request(kAnn, R"({"mt":"SelfCheck"})").at("problems")), "[]");
  EXPECT_EQ(loop::run_task(loop, instance->self_check()), std::vector<std::string>());
}

}  // namespace
}  // namespace berth::notes
