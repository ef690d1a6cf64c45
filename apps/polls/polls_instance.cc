#include "apps/polls/polls_instance.h"

#include "polls_files.h"
#include "polls_schema.h"
#include "wire/json/json.h"

namespace berth::polls {
namespace {

std::string checked_words(std::string_view words) {
  if (words.empty() || words.size() > PollsInstance::kLongestWords)
    throw_failure(Errc::kMalformed, "1 to {} bytes of words expected", PollsInstance::kLongestWords);
  return std::string(words);
}

// Of those that log in with one password, whoever says to be somebody else is.
std::string voter_of(const sdk::AppSession& session) {
  return std::string(session.sip().empty() ? session.dn() : session.sip());
}

}  // namespace

std::span<const sdk::SchemaFile> PollsInstance::schema() const { return schemas::polls_schema(); }

loop::Task<void> PollsInstance::started() {
  attach_static(packs::polls_files());
  attach_app_websocket();
  co_return;
}

loop::Task<void> PollsInstance::received(sdk::AppSession& session, sdk::Message message) {
  if (message.mt() == "ListPolls") co_await list(session, std::move(message));
  else if (message.mt() == "AddPoll") co_await add(session, std::move(message));
  else if (message.mt() == "Vote") co_await vote(session, std::move(message));
}

void PollsInstance::closed(sdk::AppSession& session) { watchers_.remove(session); }

loop::Task<json::Array> PollsInstance::read_polls(std::int64_t id) {
  const auto rows = co_await mysql().query_repeatable(
      "SELECT poll.id AS poll, question, answer.id AS answer, words, COUNT(voter) AS votes FROM poll "
      "JOIN answer ON answer.poll = poll.id LEFT JOIN vote ON vote.answer = answer.id "
      "WHERE ? = 0 OR poll.id = ? GROUP BY poll.id, question, answer.id, words ORDER BY poll.id, answer.id",
      id, id);
  json::Array polls;
  for (std::size_t row = 0; row < rows.rows.size(); ++row) {
    const auto poll = rows.number(row, "poll");
    if (polls.empty() || polls.back().as_object().at("id") != poll)
      polls.push_back(
          json::Object{{"id", poll}, {"question", rows.text(row, "question")}, {"answers", json::Array{}}});
    polls.back().as_object().at("answers").as_array().push_back(
        json::Object{{"id", rows.number(row, "answer")},
                     {"words", rows.text(row, "words")},
                     {"votes", rows.number(row, "votes")}});
  }
  co_return polls;
}

// Answers with all polls; from now on the session is told of each change.
loop::Task<void> PollsInstance::list(sdk::AppSession& session, sdk::Message request) {
  watchers_.add(session, request);
  auto polls = co_await read_polls(0);
  session.reply(request, {{"polls", std::move(polls)}});
}

loop::Task<void> PollsInstance::add(sdk::AppSession& session, sdk::Message request) {
  const std::string question = checked_words(request.text("question"));
  std::vector<std::string> answers;
  if (const auto* given = json::find_array(request.body(), "answers"))
    for (const auto& answer : *given)
      answers.push_back(
          checked_words(answer.is_string() ? std::string_view(answer.get_string()) : std::string_view()));
  if (answers.size() < kFewestAnswers || answers.size() > kMostAnswers)
    throw_failure(Errc::kMalformed, "{} to {} answers expected", kFewestAnswers, kMostAnswers);
  auto transaction = co_await mysql().begin();
  const auto put = co_await transaction.query("INSERT INTO poll (question) VALUES (?)", question);
  const auto poll = static_cast<std::int64_t>(put.inserted_id);
  for (const auto& words : answers)
    co_await transaction.query("INSERT INTO answer (poll, words) VALUES (?, ?)", poll, words);
  co_await transaction.commit();
  session.reply(request, {{"id", poll}});
  co_await tell_of(poll);
}

loop::Task<void> PollsInstance::vote(sdk::AppSession& session, sdk::Message request) {
  const auto answer = request.number("answer").value_or(0);
  const auto found = co_await mysql().query_repeatable("SELECT poll FROM answer WHERE id = ?", answer);
  if (found.rows.empty()) throw_failure(Errc::kNotFound, "there is no answer {}", answer);
  const auto poll = found.number(0, "poll");
  const auto voter = voter_of(session);
  co_await mysql().query_repeatable(
      "INSERT INTO vote (poll, voter, answer) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE answer = "
      "VALUES(answer)",
      poll, voter, answer);
  session.reply(request, {});
  co_await tell_of(poll);
}

loop::Task<void> PollsInstance::tell_of(std::int64_t poll) {
  auto polls = co_await read_polls(poll);
  for (auto& changed : polls) watchers_.publish({{"mt", "PollChanged"}, {"poll", std::move(changed)}});
}

}  // namespace berth::polls
