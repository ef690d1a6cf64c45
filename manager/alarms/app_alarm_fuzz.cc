// What apps say about alarms: whatever it is, the book keeps its bounds, and its texts are as short as they may be.
#include "base/log.h"
#include "base/text.h"
#include "manager/alarms/alarms.h"
#include "wire/fuzz.h"
#include "wire/json/json.h"

using namespace berth;
using namespace berth::manager;

namespace {

class NoStorage : public AlarmStorage {
 public:
  Task<void> load(AlarmBook&) override { co_return; }
  Task<void> write(const AlarmBook&, AlarmBook::Changes) override { co_return; }
  Task<std::vector<Alarm>> history(std::uint64_t) override { co_return std::vector<Alarm>(); }
  Task<void> thin_out(Moment, std::int64_t) override { co_return; }
};

}  // namespace

// A line is a message; what begins with a digit is an hour later.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  set_log_sink([](LogLevel, std::string_view) {});
  loop::Loop loop{loop::Loop::Time::kManual};
  NoStorage storage;
  Moment now{};
  Alarms alarms(loop, storage, [&now] { return now; });
  for (const auto line : split(as_text(ByteView(data, size)), '\n')) {
    if (!line.empty() && line.front() >= '0' && line.front() <= '9') now += std::chrono::hours(1);
    if (const auto message = json::parse_object(line)) alarms.app_said("team@example.com", *message);
  }
  std::uint64_t set = 0;
  for (const auto& [severity, count] : alarms.count_set()) set += count;
  fuzz::require(set <= AlarmBook::kMaxSetOfSource);
  for (const auto& alarm : loop::run_task(loop, alarms.list(0)).alarms) {
    fuzz::require(alarm.text.size() <= AlarmBook::kMaxText && alarm.details.size() <= AlarmBook::kMaxDetails);
    fuzz::require(alarm.code >= kAppAlarms && alarm.code <= kAppAlarms + 0xffff);
  }
  return 0;
}
