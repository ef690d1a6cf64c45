// One instance: its boards, and the sessions that see them change.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/notes/board_store.h"
#include "apps/notes/file_requests.h"
#include "apps/notes/file_store.h"
#include "apps/notes/presence.h"
#include "berth/app_service.h"
#include "berth/config.h"

namespace berth::notes {

class NotesInstance : public sdk::AppInstance {
 public:
  NotesInstance(sdk::AppService& service, sdk::InstanceArguments arguments);

  std::span<const sdk::SchemaFile> schema() const override;
  loop::Task<void> started() override;
  loop::Task<std::optional<std::vector<std::string>>> self_check() override;
  loop::Task<void> received(sdk::AppSession& session, sdk::Message message) override;
  void closed(sdk::AppSession& session) override;

 private:
  using Answer = Result<json::Object>;
  // A request that may change something. Knows the message and who sent it, not the session, which may be gone
  // before it is done: whoever is still here must see the change all the same.
  using Change = loop::Task<Answer> (NotesInstance::*)(sdk::Message message, std::string by);
  static Change find_change(std::string_view mt);

  loop::Task<void> subscribe(sdk::AppSession& session, sdk::Message message);
  loop::Task<void> send_notes(sdk::AppSession& session, sdk::Message message);
  loop::Task<void> set_writing(sdk::AppSession& session, sdk::Message message);

  loop::Task<Answer> get_boards(sdk::Message message, std::string by);
  loop::Task<Answer> add_board(sdk::Message message, std::string by);
  loop::Task<Answer> edit_board(sdk::Message message, std::string by);
  loop::Task<Answer> remove_board(sdk::Message message, std::string by);
  loop::Task<Answer> restore_board(sdk::Message message, std::string by);
  loop::Task<Answer> add_note(sdk::Message message, std::string by);
  loop::Task<Answer> edit_note(sdk::Message message, std::string by);
  loop::Task<Answer> remove_note(sdk::Message message, std::string by);
  loop::Task<Answer> restore_note(sdk::Message message, std::string by);
  loop::Task<Answer> remove_file(sdk::Message message, std::string by);
  loop::Task<Answer> answer_self_check(sdk::Message message, std::string by);

  loop::Task<Result<File>> attach_file(File file, std::string by);
  loop::Task<Result<File>> attach_and_tell(File file, std::string by);

  json::Object publish_board(const Board& board);
  json::Object publish_note(const Note& note);
  loop::Task<void> purge_sometimes();

  // Runs `task` to its end even if who waits for it is cancelled.
  template <class T>
  loop::Task<T> finish(loop::Task<T> task);

  BoardStore boards_;
  FileStore files_;
  sdk::Config config_;
  sdk::ConfigApi config_api_;
  sdk::Subscribers subscribers_;
  Presence presence_;
  FileRequests file_requests_;
  std::optional<loop::TimePoint> purged_;
};

}  // namespace berth::notes
