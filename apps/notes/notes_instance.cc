#include "apps/notes/notes_instance.h"

#include <map>

#include "apps/notes/request.h"
#include "notes_schema.h"
#include "notes_ui.h"

namespace berth::notes {
namespace {

constexpr int kNotesAPage = 100;              // asked of the database at once
constexpr std::size_t kMessageBytes = 60000;  // of notes in one message; the protocol's limit is 65,535
constexpr auto kPurgePause = std::chrono::hours(1);

std::vector<sdk::ConfigItem> config_items() {
  std::vector<sdk::ConfigItem> items(2);
  items[0].name = "title";
  items[1].name = "maxFileSize";
  items[1].type = sdk::ConfigType::kLong64;
  items[1].default_value = std::to_string(10 << 20);
  items[1].min = 64 << 10;
  items[1].max = 1 << 30;
  return items;
}

// Everybody may read; users who came through a PBX must not change what all share.
sdk::ConfigApi::Access access_of(const sdk::AppSession& session) {
  return {true, !session.login().is_user()};
}

std::string name_of(const sdk::AppSession& session) {
  std::string name = fit_text(session.dn().empty() ? session.sip() : session.dn(), Limits::kPersonName);
  return name.empty() ? "?" : name;
}

// A session that subscribed.
struct Subscription : sdk::AppSession::Data {
  Subscription(Presence& all, Visitor& visitor) : presence(all), visitor(visitor) {}
  ~Subscription() override { presence.leave(std::string(visitor.id)); }
  Presence& presence;
  Visitor& visitor;
};

}  // namespace

NotesInstance::NotesInstance(sdk::AppService& service, sdk::InstanceArguments arguments)
    : AppInstance(service, std::move(arguments)),
      boards_(database()),
      files_(database()),
      config_(database(), config_items()),
      config_api_(config_, access_of),
      presence_(loop(), [this](json::Object people) { subscribers_.publish(people); }),
      file_requests_(files_, presence_, config_, [this](File file, std::string by) {
        return attach_file(std::move(file), std::move(by));
      }) {}

std::span<const sdk::SchemaFile> NotesInstance::schema() const { return schemas::notes_schema(); }

loop::Task<void> NotesInstance::started() {
  co_await config_.load();
  add_api(config_api_);
  attach_http("files", [this](sdk::HttpRequest& request, sdk::HttpResponse& response) {
    return file_requests_.handle(request, response);
  });
  attach_app_websocket();
  // A portal of any PBX may show the boards in a frame.
  attach_static(packs::notes_ui(), "", {.headers = sdk::strict_page_headers("*")});
  tasks().spawn(purge_sometimes());
}

NotesInstance::Change NotesInstance::find_change(std::string_view mt) {
  static const std::map<std::string_view, Change> kChanges = {
      {"GetBoards", &NotesInstance::get_boards},        {"AddBoard", &NotesInstance::add_board},
      {"EditBoard", &NotesInstance::edit_board},        {"RemoveBoard", &NotesInstance::remove_board},
      {"RestoreBoard", &NotesInstance::restore_board},  {"AddNote", &NotesInstance::add_note},
      {"EditNote", &NotesInstance::edit_note},          {"RemoveNote", &NotesInstance::remove_note},
      {"RestoreNote", &NotesInstance::restore_note},    {"RemoveFile", &NotesInstance::remove_file},
      {"SelfCheck", &NotesInstance::answer_self_check},
  };
  const auto found = kChanges.find(mt);
  return found == kChanges.end() ? nullptr : found->second;
}

loop::Task<void> NotesInstance::received(sdk::AppSession& session, sdk::Message message) {
  if (message.mt() == "Subscribe") co_return co_await subscribe(session, std::move(message));
  if (message.mt() == "GetNotes") co_return co_await send_notes(session, std::move(message));
  if (message.mt() == "SetWriting") co_return co_await set_writing(session, std::move(message));
  const auto change = find_change(message.mt());
  if (!change) co_return;
  auto answer = co_await finish((this->*change)(message, name_of(session)));
  if (answer) session.reply(message, std::move(*answer));
  else session.reply_error(message, answer.error());
}

void NotesInstance::closed(sdk::AppSession& session) {
  subscribers_.remove(session);
  session.data.reset();
}

loop::Task<void> NotesInstance::subscribe(sdk::AppSession& session, sdk::Message message) {
  subscribers_.remove(session);
  subscribers_.add(session, message);
  session.data.reset();  // the second time it is another visitor
  auto& visitor = presence_.enter(name_of(session));
  session.data = std::make_unique<Subscription>(presence_, visitor);
  session.reply(message, {{"session", visitor.id},
                          {"key", Presence::key_of(visitor)},
                          {"files", webserver_path() + "/files"},
                          {"title", config_.text("title")},
                          {"people", presence_.people()},
                          {"limits", json::Object{{"text", Limits::kText},
                                                  {"title", Limits::kTitle},
                                                  {"file", config_.number("maxFileSize")}}}});
  co_return;
}

loop::Task<void> NotesInstance::send_notes(sdk::AppSession& session, sdk::Message message) {
  json::Array ready;
  std::size_t bytes = 0;
  std::string after;
  while (true) {
    const auto page = co_await boards_.notes_after(after, kNotesAPage);
    for (const auto& note : page) {
      auto object = to_json(note);
      const auto size = json::serialize(object).size() + 1;
      if (bytes + size > kMessageBytes && !ready.empty()) {
        session.reply(message, {{"notes", std::exchange(ready, {})}, {"more", true}});
        co_await session.drained();
        bytes = 0;
      }
      bytes += size;
      ready.push_back(std::move(object));
    }
    if (page.size() < kNotesAPage) break;
    after = page.back().id;
  }
  session.reply(message, {{"notes", std::move(ready)}});
}

loop::Task<void> NotesInstance::set_writing(sdk::AppSession& session, sdk::Message message) {
  auto note = find_id(message, "note");
  if (!note) co_return session.reply_error(message, note.error());
  if (auto* subscription = static_cast<Subscription*>(session.data.get()))
    presence_.set_writing(subscription->visitor, std::move(*note));
  session.reply(message, {});
}

json::Object NotesInstance::publish_board(const Board& board) {
  auto object = to_json(board);
  if (board.is_removed) subscribers_.publish({{"mt", "BoardRemoved"}, {"id", board.id}});
  else subscribers_.publish({{"mt", "BoardChanged"}, {"board", object}});
  return {{"board", std::move(object)}};
}

json::Object NotesInstance::publish_note(const Note& note) {
  auto object = to_json(note);
  if (note.is_removed) subscribers_.publish({{"mt", "NoteRemoved"}, {"id", note.id}});
  else subscribers_.publish({{"mt", "NoteChanged"}, {"note", object}});
  return {{"note", std::move(object)}};
}

loop::Task<NotesInstance::Answer> NotesInstance::get_boards(sdk::Message message, std::string by) {
  json::Array list;
  for (const auto& board : co_await boards_.boards()) list.push_back(to_json(board));
  co_return json::Object{{"boards", std::move(list)}};
}

loop::Task<NotesInstance::Answer> NotesInstance::add_board(sdk::Message message, std::string by) {
  auto board = read_board(message);
  if (!board) co_return tl::unexpected(board.error());
  co_return publish_board(co_await boards_.add_board(std::move(*board)));
}

loop::Task<NotesInstance::Answer> NotesInstance::edit_board(sdk::Message message, std::string by) {
  const auto id = read_id(message, "id");
  auto change = read_board_change(message);
  if (!id) co_return tl::unexpected(id.error());
  if (!change) co_return tl::unexpected(change.error());
  const auto board = co_await boards_.edit_board(*id, std::move(*change));
  if (!board) co_return tl::unexpected(board.error());
  co_return publish_board(*board);
}

loop::Task<NotesInstance::Answer> NotesInstance::remove_board(sdk::Message message, std::string by) {
  const auto id = read_id(message, "id");
  if (!id) co_return tl::unexpected(id.error());
  co_await boards_.remove_board(*id);
  // Told even if it was gone: we may have died between commit and telling.
  subscribers_.publish({{"mt", "BoardRemoved"}, {"id", *id}});
  tasks().spawn(purge_sometimes());
  co_return json::Object();
}

loop::Task<NotesInstance::Answer> NotesInstance::restore_board(sdk::Message message, std::string by) {
  const auto id = read_id(message, "id");
  if (!id) co_return tl::unexpected(id.error());
  const auto board = co_await boards_.restore_board(*id);
  if (!board) co_return tl::unexpected(board.error());
  auto answer = publish_board(*board);
  for (const auto& note : co_await boards_.notes_of(*id)) publish_note(note);
  co_return answer;
}

loop::Task<NotesInstance::Answer> NotesInstance::add_note(sdk::Message message, std::string by) {
  auto note = read_note(message);
  if (!note) co_return tl::unexpected(note.error());
  note->author = std::move(by);
  const auto stored = co_await boards_.add_note(std::move(*note));
  if (!stored) co_return tl::unexpected(stored.error());
  co_return publish_note(*stored);
}

loop::Task<NotesInstance::Answer> NotesInstance::edit_note(sdk::Message message, std::string by) {
  const auto id = read_id(message, "id");
  auto change = read_note_change(message);
  if (!id) co_return tl::unexpected(id.error());
  if (!change) co_return tl::unexpected(change.error());
  const auto note = co_await boards_.edit_note(*id, std::move(*change), std::move(by));
  if (!note) co_return tl::unexpected(note.error());
  co_return publish_note(*note);
}

loop::Task<NotesInstance::Answer> NotesInstance::remove_note(sdk::Message message, std::string by) {
  const auto id = read_id(message, "id");
  if (!id) co_return tl::unexpected(id.error());
  co_await boards_.remove_note(*id);
  subscribers_.publish({{"mt", "NoteRemoved"}, {"id", *id}});
  tasks().spawn(purge_sometimes());
  co_return json::Object();
}

loop::Task<NotesInstance::Answer> NotesInstance::restore_note(sdk::Message message, std::string by) {
  const auto id = read_id(message, "id");
  if (!id) co_return tl::unexpected(id.error());
  const auto note = co_await boards_.restore_note(*id, std::move(by));
  if (!note) co_return tl::unexpected(note.error());
  co_return publish_note(*note);
}

loop::Task<NotesInstance::Answer> NotesInstance::remove_file(sdk::Message message, std::string by) {
  const auto id = read_id(message, "id");
  if (!id) co_return tl::unexpected(id.error());
  if (const auto note_id = co_await files_.remove(*id))
    if (const auto note = co_await boards_.find_note(*note_id)) publish_note(*note);
  tasks().spawn(purge_sometimes());
  co_return json::Object();
}

loop::Task<std::optional<std::vector<std::string>>> NotesInstance::self_check() {
  co_return co_await files_.find_damage();
}

loop::Task<NotesInstance::Answer> NotesInstance::answer_self_check(sdk::Message message, std::string by) {
  json::Array problems;
  const auto damages = co_await files_.find_damage();
  for (const auto& damage : damages) problems.emplace_back(damage);
  const bool ok = problems.empty();
  co_return json::Object{{"ok", ok}, {"problems", std::move(problems)}};
}

loop::Task<Result<File>> NotesInstance::attach_file(File file, std::string by) {
  return finish(attach_and_tell(std::move(file), std::move(by)));
}

loop::Task<Result<File>> NotesInstance::attach_and_tell(File file, std::string by) {
  auto stored = co_await files_.add(std::move(file), std::move(by));
  if (stored)
    if (const auto note = co_await boards_.find_note(stored->note)) publish_note(*note);
  co_return stored;
}

loop::Task<void> NotesInstance::purge_sometimes() {
  const auto now = loop().now();
  if (purged_ && now - *purged_ < kPurgePause) co_return;
  purged_ = now;
  co_await boards_.purge();
}

template <class T>
loop::Task<T> NotesInstance::finish(loop::Task<T> task) {
  // Shared by the task and by who waits, because either may go first.
  struct State {
    explicit State(loop::Loop& loop) : done(loop) {}
    loop::Event done;
    std::optional<T> value;
    std::exception_ptr error;
  };
  const auto state = std::make_shared<State>(loop());
  const auto run = [](loop::Task<T> task, std::shared_ptr<State> state) -> loop::Task<void> {
    try {
      state->value.emplace(co_await task);
    } catch (...) {
      state->error = std::current_exception();
    }
    state->done.set();
  };
  tasks().spawn(run(std::move(task), state));
  co_await state->done.wait();
  if (state->error) std::rethrow_exception(state->error);
  co_return std::move(*state->value);
}

}  // namespace berth::notes
