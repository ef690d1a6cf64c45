#include "apps/hello/hello_instance.h"

#include "hello_files.h"
#include "hello_schema.h"

namespace berth::hello {
namespace {

constexpr std::size_t kLongestWords = 1000;

json::Object to_json(const db::Row& row) {
  return {{"id", row.get<std::int64_t>("id")},
          {"author", row.get<std::string>("author")},
          {"words", row.get<std::string>("words")}};
}

}  // namespace

std::span<const sdk::SchemaFile> HelloInstance::schema() const { return schemas::hello_schema(); }

loop::Task<void> HelloInstance::started() {
  attach_static(packs::hello_files());  // hello.htm, hello.js
  attach_app_websocket();               // logins with the instance's password
  attach_http("count", [this](sdk::HttpRequest& request, sdk::HttpResponse& response) {
    return count(request, response);
  });
  co_return;
}

loop::Task<void> HelloInstance::received(sdk::AppSession& session, sdk::Message message) {
  if (message.mt() == "ListEntries") co_await list(session, std::move(message));
  else if (message.mt() == "WriteEntry") co_await write(session, std::move(message));
}

// Answers with the latest entries; from now on the session is told of each new one.
loop::Task<void> HelloInstance::list(sdk::AppSession& session, sdk::Message request) {
  readers_.add(session, request);
  const auto rows =
      co_await database().query_repeatable("SELECT id, author, words FROM entry ORDER BY id DESC LIMIT 50");
  json::Array entries;
  for (const auto row : rows) entries.push_back(to_json(row));
  session.reply(request, {{"entries", std::move(entries)}});
}

loop::Task<void> HelloInstance::write(sdk::AppSession& session, sdk::Message request) {
  const std::string words(request.text("words"));
  if (words.empty() || words.size() > kLongestWords)
    throw_failure(Errc::kMalformed, "1 to {} bytes of words expected", kLongestWords);
  const std::string author(session.dn().empty() ? session.sip() : session.dn());
  const auto rows = co_await database().query(
      "INSERT INTO entry (author, words) VALUES ($1, $2) RETURNING id, author, words", author, words);
  session.reply(request, {{"id", rows.front().get<std::int64_t>("id")}});
  readers_.publish({{"mt", "EntryWritten"}, {"entry", to_json(rows.front())}});
}

void HelloInstance::closed(sdk::AppSession& session) { readers_.remove(session); }

// GET count, for those without a session.
loop::Task<void> HelloInstance::count(sdk::HttpRequest&, sdk::HttpResponse& response) {
  const auto rows = co_await database().query_repeatable("SELECT count(*) FROM entry");
  std::string answer = fmt::format("{{\"entries\":{}}}", rows.front().get<std::int64_t>(0));
  co_await response.send_json(std::move(answer));
}

}  // namespace berth::hello
