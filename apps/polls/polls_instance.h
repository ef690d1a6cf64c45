// Questions, answers to choose from, votes: an app whose data are in MySQL.
#pragma once

#include "berth/app_service.h"
#include "db/mysql_database.h"

namespace berth::polls {

class PollsInstance : public sdk::AppInstance {
 public:
  static constexpr std::size_t kFewestAnswers = 2, kMostAnswers = 20;
  static constexpr std::size_t kLongestWords = 200;  // bytes, of a question and of an answer

  using AppInstance::AppInstance;
  std::span<const sdk::SchemaFile> schema() const override;
  loop::Task<void> started() override;
  loop::Task<void> received(sdk::AppSession& session, sdk::Message message) override;
  void closed(sdk::AppSession& session) override;

 private:
  loop::Task<void> list(sdk::AppSession& session, sdk::Message request);
  loop::Task<void> add(sdk::AppSession& session, sdk::Message request);
  loop::Task<void> vote(sdk::AppSession& session, sdk::Message request);
  // `id`: 0: all.
  loop::Task<json::Array> read_polls(std::int64_t id);
  loop::Task<void> tell_of(std::int64_t poll);

  sdk::Subscribers watchers_;
};

}  // namespace berth::polls
