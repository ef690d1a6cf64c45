// Alarms against a real PostgreSQL and real HTTP servers; hours of outage on a clock of our own.
#include "manager/alarms/alarms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "db/migrate.h"
#include "manager/alarms/http_channels.h"
#include "manager/alarms/mail_channel.h"
#include "manager/database/testing/running_cluster.h"
#include "manager/platform/schema.h"
#include "net/test_support.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const Moment kStart = sys_days(2026y / 11 / 22);

Condition condition(std::string key) {
  Condition made;
  made.key = std::move(key);
  made.code = alarm_code::kDiskWarning;
  made.source = "platform";
  made.text = "The disk is 91 % full.";
  return made;
}

// A storage that can be away.
class FakeStorage : public AlarmStorage {
 public:
  Task<void> load(AlarmBook& book) override { co_return; }
  Task<void> write(const AlarmBook& book, AlarmBook::Changes changes) override {
    if (is_away) throw_failure(Errc::kUnavailable, "no database");
    for (const auto id : changes.alarms)
      if (const auto* alarm = book.find(id)) alarms[id] = *alarm;
    for (const auto id : changes.added)
      if (const auto* notice = book.find_notice(id)) notices[id] = *notice;
    for (const auto id : changes.removed) notices.erase(id);
    co_return;
  }
  Task<std::vector<Alarm>> history(std::uint64_t limit) override { co_return std::vector<Alarm>(); }
  Task<void> thin_out(Moment now, std::int64_t days) override { co_return; }
  bool is_away = false;
  std::map<std::int64_t, Alarm> alarms;
  std::map<std::int64_t, QueuedNotice> notices;
};

// Takes what it is given, unless it is down.
struct Receiver {
  bool is_down = false, refuses = false;
  std::vector<std::string> taken;
  int tries = 0;
};
class FakeChannel : public AlarmChannel {
 public:
  FakeChannel(Receiver& receiver, bool is_mirror) : receiver_(receiver), is_mirror_(is_mirror) {}
  ChannelTraits traits() const override {
    return {is_mirror_ ? "events" : "mail", is_mirror_,
            [mirror = is_mirror_](const Alarm& alarm) { return mirror ? seconds(30min) : alarm.mail_every; },
            [](const Alarm& alarm) { return alarm.mail_after; }};
  }
  Task<Result<void>> deliver(QueuedNotice notice, Alarm alarm) override {
    ++receiver_.tries;
    if (receiver_.is_down) throw_failure(Errc::kUnavailable, "connection refused");
    if (receiver_.refuses) co_return fail(Errc::kDenied, "403");
    receiver_.taken.push_back(fmt::format("{} {}", name_of(notice.notice), alarm.key));
    co_return Result<void>();
  }

 private:
  Receiver& receiver_;
  bool is_mirror_;
};

class AlarmClock : public testing::Test {
 protected:
  AlarmClock() {
    set_log_sink([this](LogLevel, std::string_view line) { log_ += std::string(line) + "\n"; });
    std::vector<std::unique_ptr<AlarmChannel>> channels;
    channels.push_back(std::make_unique<FakeChannel>(events_, true));
    channels.push_back(std::make_unique<FakeChannel>(mail_, false));
    alarms_.set_channels(std::move(channels));
    alarms_.begin();
    settle();
  }
  void settle() {
    for (int turn = 0; turn < 6; ++turn) loop_.run_once(0s);
  }
  ~AlarmClock() override { set_log_sink(nullptr); }
  void pass(seconds time) {
    for (auto left = time; left > 0s;) {
      const auto step = std::min(left, seconds(10));
      left -= step;
      now_ += step;
      loop_.advance(step);
      settle();
    }
  }
  std::string log_;
  loop::Loop loop_{loop::Loop::Time::kManual};
  Moment now_ = kStart;
  FakeStorage storage_;
  Receiver events_, mail_;
  Alarms alarms_{loop_, storage_, [this] { return now_; }};
};

TEST_F(AlarmClock, HoursWithoutAMailServerCostFewTriesAndNoMail) {
  mail_.is_down = true;
  auto full = condition("disk");
  full.mail_every = 1h;
  alarms_.set(full);
  alarms_.set(condition("gone"));
  pass(2h);
  alarms_.clear("gone");
  pass(2h);
  EXPECT_EQ(events_.taken.front(), "set disk");
  EXPECT_THAT(mail_.taken, ElementsAre());
  EXPECT_LE(mail_.tries, 10 + 4 * 12);  // 1, 2, 4 … s, then every five minutes
  EXPECT_GE(mail_.tries, 4 * 11);
  const auto told = loop::run_task(loop_, alarms_.list(0));
  EXPECT_EQ(told.channels[1].error, "connection refused");
  mail_.is_down = false;
  pass(5min + 1s);
  EXPECT_THAT(mail_.taken, ElementsAre("set disk"));
  pass(1h);
  EXPECT_THAT(mail_.taken, ElementsAre("set disk", "repeat disk"));
  EXPECT_LE(std::count(log_.begin(), log_.end(), '\n'), 8) << log_;
}

TEST_F(AlarmClock, WhatTheOtherSideRefusesIsDroppedWithALogLineAndTriedAgainAtItsTime) {
  events_.refuses = true;
  alarms_.set(condition("disk"));
  pass(29min);
  EXPECT_EQ(events_.tries, 1);
  EXPECT_THAT(log_, HasSubstr("alarm refused"));
  events_.refuses = false;
  pass(2min);
  EXPECT_THAT(events_.taken, ElementsAre("repeat disk"));
}

TEST_F(AlarmClock, WorksWithoutItsDatabaseAndWritesWhenItIsBack) {
  storage_.is_away = true;
  alarms_.set(condition("disk"));
  pass(10min);
  EXPECT_THAT(mail_.taken, ElementsAre("set disk"));
  EXPECT_TRUE(storage_.alarms.empty());
  storage_.is_away = false;
  pass(6s);
  ASSERT_EQ(storage_.alarms.size(), 1u);
  EXPECT_TRUE(storage_.alarms.begin()->second.told.contains("mail"));
  EXPECT_TRUE(storage_.notices.empty());
}

TEST_F(AlarmClock, FindingsOfTheOverviewBecomeAlarmsWithoutFlapping) {
  std::vector<api::Check> found;
  alarms_.checks = [&] { return found; };
  api::Check warning{.id = "disk", .severity = api::Severity::kWarning, .text = "The disk is 91 % full."};
  api::Check advice{.id = "not-root", .severity = api::Severity::kWarning};
  found = {warning, advice};
  pass(10s);
  EXPECT_EQ(alarms_.find_set("check/disk"), nullptr);
  pass(10s);
  ASSERT_NE(alarms_.find_set("check/disk"), nullptr);
  EXPECT_EQ(alarms_.find_set("check/disk")->code, 0x0024ff01u);
  EXPECT_EQ(alarms_.find_set("check/not-root"), nullptr);
  found = {};
  pass(10s);
  EXPECT_NE(alarms_.find_set("check/disk"), nullptr);
  pass(10s);
  EXPECT_EQ(alarms_.find_set("check/disk"), nullptr);
  api::Check dead{.id = "process-notes", .severity = api::Severity::kError, .text = "notes is crashed"};
  found = {dead};
  pass(10s);
  EXPECT_NE(alarms_.find_set("check/process-notes"), nullptr);
}

TEST_F(AlarmClock, TakesWhatAppsSayAndNothingElse) {
  const auto say = [&](json::Object message) { alarms_.app_said("team@example.com", message); };
  say({{"type", 0}, {"severity", 2}, {"code", 1}, {"text", "down"}, {"details", json::Object{{"line", 3}}}});
  const auto* alarm = alarms_.find_set("app/team@example.com/0001");
  ASSERT_NE(alarm, nullptr);
  EXPECT_EQ(alarm->code, 0x00240001u);
  EXPECT_EQ(alarm->severity, api::AlarmSeverity::kCritical);
  EXPECT_EQ(alarm->details, R"({"line":3})");
  for (const auto& wrong : {json::Object{{"type", 3}, {"severity", 1}, {"code", 2}},
                            json::Object{{"type", 0}, {"severity", 9}, {"code", 2}},
                            json::Object{{"type", 0}, {"severity", 1}, {"code", 65536}}, json::Object{}})
    say(wrong);
  say({{"type", 1}, {"severity", 2}, {"code", 1}});
  const auto told = loop::run_task(loop_, alarms_.list(0));
  EXPECT_TRUE(told.alarms.empty());
}

// With a real database: what one manager left the next one goes on with.
class AlarmDatabase : public testing::Test {
 protected:
  AlarmDatabase() {
    set_log_sink([](LogLevel, std::string_view) {});
    cluster_ = std::make_unique<RunningCluster>(loop_);
    loop::run_task(loop_, cluster_->admin().query("CREATE DATABASE manager"));
    db::DatabaseOptions options;
    options.connection = cluster_->cluster().superuser("manager");
    options.max_connections = 2;
    database_ = std::make_unique<db::Database>(loop_, options);
    loop::run_task(loop_, db::migrate(*database_, manager_migrations()));
    tables_ = std::make_unique<AlarmTables>(*database_);
    start();
  }
  ~AlarmDatabase() override {
    alarms_.reset();
    database_.reset();
    cluster_.reset();
    set_log_sink(nullptr);
  }
  // The death of the manager and a new one.
  void start() {
    alarms_ = std::make_unique<Alarms>(loop_, *tables_, [this] { return now_; });
    loop::run_task(loop_, alarms_->load());
    std::vector<std::unique_ptr<AlarmChannel>> channels;
    channels.push_back(std::make_unique<FakeChannel>(events_, true));
    channels.push_back(std::make_unique<FakeChannel>(mail_, false));
    alarms_->set_channels(std::move(channels));
    alarms_->begin();
  }
  void settle() {
    loop::run_task(loop_, alarms_->flush());
    for (int turn = 0; turn < 20; ++turn) loop_.run_once(1ms);
    loop::run_task(loop_, alarms_->flush());
  }
  loop::Loop loop_;
  Moment now_ = kStart;
  Receiver events_, mail_;
  std::unique_ptr<RunningCluster> cluster_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<AlarmTables> tables_;
  std::unique_ptr<Alarms> alarms_;
};

TEST_F(AlarmDatabase, NothingIsLostWhenTheManagerDiesAndWhatIsSetIsSentAgain) {
  events_.is_down = mail_.is_down = true;
  alarms_->set(condition("a"));
  alarms_->set(condition("b"));
  alarms_->event(condition("e"));
  alarms_->clear("b");
  settle();
  start();  // in the midst of it
  EXPECT_EQ(alarms_->find_set("a")->text, "The disk is 91 % full.");
  EXPECT_EQ(alarms_->find_set("b"), nullptr);
  events_.is_down = mail_.is_down = false;
  start();
  settle();
  EXPECT_THAT(events_.taken, ElementsAre("set a", "set b", "event e", "clear b"));
  EXPECT_THAT(mail_.taken, ElementsAre("set a", "event e"));
  events_.taken.clear();
  start();
  settle();
  EXPECT_THAT(events_.taken, ElementsAre("repeat a"));
  EXPECT_THAT(mail_.taken, ElementsAre("set a", "event e"));  // no second mail
  alarms_->clear("a");
  settle();
  start();
  settle();
  EXPECT_THAT(events_.taken, ElementsAre("repeat a", "clear a"));
}

TEST_F(AlarmDatabase, KeepsAHistoryOfBoundedLengthWithWhoSawWhat) {
  alarms_->set(condition("a"));
  const auto id = alarms_->find_set("a")->id;
  EXPECT_EQ(loop::run_task(loop_, alarms_->acknowledge(id, "Admin from 127.0.0.1")).acknowledged_by,
            "Admin from 127.0.0.1");
  EXPECT_TRUE(loop::run_task(loop_, alarms_->silence(id, 60)).silenced_until);
  now_ += 1h;
  alarms_->clear("a");
  settle();
  start();
  auto told = loop::run_task(loop_, alarms_->list(10));
  ASSERT_EQ(told.history.size(), 1u);
  EXPECT_EQ(told.history[0].acknowledged_by, "Admin from 127.0.0.1");
  EXPECT_EQ(told.history[0].raised_at, "2026-11-22T00:00:00Z");
  EXPECT_EQ(told.history[0].cleared_at, "2026-11-22T01:00:00Z");
  loop::run_task(loop_, database_->query("INSERT INTO alarm SELECT 1000 + n, 'k', 1, 1, 's', 't', '', '', "
                                         "'', true, 0, 0, now(), NULL, 1, '', NULL, NULL, "
                                         "'{}' FROM generate_series(1, 6000) n"));
  loop::run_task(loop_, tables_->thin_out(kStart + 24h * 365 * 100, 365 * 100));
  const auto rows = loop::run_task(loop_, database_->query("SELECT count(*) FROM alarm"));
  EXPECT_EQ(rows[0].get<std::uint64_t>(0), AlarmTables::kHistory);
  loop::run_task(loop_, tables_->thin_out(kStart + 24h * 365 * 100, 1));
  const auto left = loop::run_task(loop_, database_->query("SELECT count(*) FROM alarm"));
  EXPECT_EQ(left[0].get<std::uint64_t>(0), 0u);
}

// Real HTTP: Digest after 401, 500 (again later), 403 (dropped).
class AlarmHttp : public testing::Test {
 protected:
  using Reply = std::function<std::string(const net::test::Request&)>;
  net::test::Server::Serve replies(Reply reply) {
    return [reply](std::unique_ptr<net::Stream> stream) -> loop::Task<void> {
      for (;;) {
        const auto request = co_await net::test::read_request(*stream);
        co_await stream->write(reply(request));
        if (!request.head.keep_alive) co_return;
      }
    };
  }
  QueuedNotice notice(Notice what) { return {7, "events", 3, what, kStart}; }
  Alarm alarm() {
    Alarm made;
    static_cast<Condition&>(made) = condition("disk");
    made.code = 0x00240001;
    made.id = 3;
    made.raised = Moment(seconds(1580559884));
    made.severity = api::AlarmSeverity::kCritical;
    made.source = "reporting1@example.com";
    made.text = "Größe";
    return made;
  }
  loop::Loop loop_;
  net::HttpClient http_{loop_};
  AlarmSender sender_{"ap.example.com", "00ab11eeff01", "1.0"};
};

TEST_F(AlarmHttp, TellsTheEventsAppInItsFormatAfterProvingItselfByDigest) {
  std::vector<std::string> bodies;
  net::test::Server server(
      loop_, replies([&](const net::test::Request& request) {
        const auto said = http1::find_header(request.head.headers, "authorization").value_or("");
        if (!said.starts_with("Digest username=\"ap\""))
          return net::test::answer(401, "",
                                   {{"www-authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\""}});
        bodies.push_back(request.body);
        return net::test::answer(200, "");
      }));
  EventsChannel channel(http_, {server.url("http"), "ap", "secret", "", 1800s}, sender_);
  EXPECT_TRUE(loop::run_task(loop_, channel.deliver(notice(Notice::kSet), alarm())));
  ASSERT_EQ(bodies.size(), 1u);
  // The example of docs/protocols/alarms.md.
  EXPECT_EQ(
      bodies[0],
      R"({"type":"alarm","active":true,"severity":2,"critical":true,"code":"0x00240001","date":"1580559884",)"
      R"("host":"ap.example.com","serial":"00ab11eeff01","source":"reporting1@example.com","text":"Größe",)"
      R"("details":""})");
  auto over = alarm();
  over.cleared = Moment(seconds(1580559990));
  EXPECT_TRUE(loop::run_task(loop_, channel.deliver(notice(Notice::kClear), over)));
  EXPECT_THAT(bodies[1], HasSubstr(R"("type":"clear","active":false)"));
  EXPECT_THAT(bodies[1], HasSubstr(R"("date":"1580559990")"));
}

TEST_F(AlarmHttp, TriesAgainWhatMayGetBetterAndGivesUpWhatWillNot) {
  int status = 500;
  net::test::Server server(loop_,
                           replies([&](const net::test::Request&) { return net::test::answer(status, ""); }));
  EventsChannel channel(http_, {server.url("http"), "ap", "wrong", "", 1800s}, sender_);
  for (const int failing : {500, 503, 429, 408}) {
    status = failing;
    EXPECT_THROW(loop::run_task(loop_, channel.deliver(notice(Notice::kSet), alarm())), Failure) << failing;
  }
  for (const int refusing : {400, 401, 403, 404, 302}) {
    status = refusing;
    EXPECT_FALSE(loop::run_task(loop_, channel.deliver(notice(Notice::kSet), alarm()))) << refusing;
  }
  EventsChannel nobody(http_, {"http://127.0.0.1:1/", "", "", "", 1800s}, sender_);
  EXPECT_THROW(loop::run_task(loop_, nobody.deliver(notice(Notice::kSet), alarm())), Failure);
}

TEST_F(AlarmHttp, AWebhooksAddressIsInNoErrorBecauseItMayBeASecret) {
  WebhookChannel channel(http_, "http://127.0.0.1:1/services/T00/SECRET", 1, sender_);
  try {
    loop::run_task(loop_, channel.deliver(notice(Notice::kSet), alarm()));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().detail.find("SECRET"), std::string::npos) << failure.error().detail;
    EXPECT_THAT(failure.error().detail, HasSubstr("127.0.0.1:1"));
  }
}

TEST_F(AlarmHttp, AnAccessTokenIsKeptUntilAMinuteBeforeItsEndAndTheNewRefreshTokenIsKept) {
  std::vector<std::string> bodies;
  std::string answer = R"({"access_token":"one","expires_in":60,"refresh_token":"next"})";
  int status = 200;
  net::test::Server server(loop_, replies([&](const net::test::Request& request) {
                             bodies.push_back(request.body);
                             return net::test::answer(status, answer);
                           }));
  AccessToken token(loop_, http_, {server.url("http"), "id", "s&cret", "mail offline", "first", ""});
  std::vector<std::string> kept;
  token.refreshed = [&](std::string refresh) -> Task<void> {
    kept.push_back(std::move(refresh));
    co_return;
  };
  EXPECT_EQ(loop::run_task(loop_, token.get()), "one");
  EXPECT_EQ(bodies[0],
            "grant_type=refresh_token&refresh_token=first&client_id=id&client_secret=s%26cret&scope=mail%"
            "20offline");
  EXPECT_THAT(kept, ElementsAre("next"));
  answer = R"({"access_token":"two","expires_in":3600})";
  EXPECT_EQ(loop::run_task(loop_, token.get()), "two");  // 60 s are no life
  EXPECT_THAT(bodies[1], HasSubstr("refresh_token=next"));
  EXPECT_EQ(loop::run_task(loop_, token.get()), "two");
  EXPECT_EQ(bodies.size(), 2u);
  token.forget();
  status = 400;
  answer = R"({"error":"invalid_grant","error_description":"revoked"})";
  try {
    loop::run_task(loop_, token.get());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kDenied);
    EXPECT_THAT(failure.error().detail, HasSubstr("invalid_grant: revoked"));
    EXPECT_EQ(failure.error().detail.find("next"), std::string::npos);
  }
}

TEST(AlarmMail, MailsOfOneAlarmAreOneThreadAndSayWhatToDo) {
  Alarm alarm;
  static_cast<Condition&>(alarm) = condition("disk");
  alarm.id = 3;
  alarm.raised = kStart;
  alarm.fix = "Delete what is not needed.";
  alarm.command = "berth emergency free-space";
  alarm.mail_every = 1h;
  const AlarmSender sender{"ap.example.com", "", "1.0"};
  const auto first = format_alarm_mail({7, "mail", 3, Notice::kSet, kStart}, alarm, sender, kStart);
  EXPECT_EQ(first.subject, "[ap.example.com] Alarm: The disk is 91 % full.");
  EXPECT_EQ(first.reply_to, "");
  EXPECT_THAT(first.text,
              HasSubstr("What to do: Delete what is not needed.\n    berth emergency free-space\n"));
  EXPECT_THAT(first.text, HasSubstr("berth alarm ack 3"));
  const auto second = format_alarm_mail({8, "mail", 3, Notice::kRepeat, kStart}, alarm, sender, kStart + 1h);
  alarm.cleared = kStart + 2h;
  const auto last = format_alarm_mail({9, "mail", 3, Notice::kClear, kStart}, alarm, sender, kStart + 2h);
  EXPECT_EQ(second.reply_to, first.id);
  EXPECT_EQ(last.reply_to, first.id);
  EXPECT_NE(second.id, last.id);
  EXPECT_EQ(last.subject, "[ap.example.com] Over: The disk is 91 % full.");
  EXPECT_EQ(last.text.find("What to do"), std::string::npos);
}

}  // namespace
}  // namespace berth::manager
