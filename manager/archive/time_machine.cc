#include "manager/archive/time_machine.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "base/utc.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using archive::Moment;

constexpr std::size_t kPending = 16;  // segments, 256 MiB: what the log may grow by before it is given up
// So many wait only if the program that gives them up is not run at all: then PostgreSQL is to let them go.
constexpr std::uint64_t kTooMany = 4 * kPending;
constexpr std::size_t kManifestLimit = 256 << 20;
constexpr int kNightFrom = 1, kNightTo = 5;  // hours, by the platform's zone

// One word for the shell, in which PostgreSQL reads %p and %%.
std::string shell_word(std::string_view text) {
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') word += "'\\''";
    else if (c == '%') word += "%%";
    else word += c;
  }
  return word + "'";
}

std::string archive_folder(const Layout& layout) { return layout.library() + "/archive"; }
// There while it is on: the manager knows before the database is there.
std::string mark_of(const Layout& layout) { return archive_folder(layout) + "/on"; }

std::vector<std::string> names_in(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  std::vector<std::string> names;
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr)
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  return names;
}

Moment now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

}  // namespace

std::string archive_command(const Layout& layout, const std::string& program) {
  if (!path_exists(mark_of(layout))) return {};
  const auto disk = read_disk_space(layout.library());
  const auto total = disk ? disk->total_bytes : 0;
  return fmt::format("{} push {} {} {} %p", shell_word(program), shell_word(archive_folder(layout)),
                     archive_reserve(total), kPending);
}

TimeMachine::TimeMachine(Cluster& cluster, db::Database& admin, Settings& settings, const Layout& layout,
                         std::string program)
    : cluster_(cluster), admin_(admin), settings_(settings), layout_(layout), program_(std::move(program)) {}

std::string TimeMachine::folder() const { return archive_folder(layout_); }
std::string TimeMachine::scratch_folder() const { return layout_.library() + "/scratch"; }

std::string TimeMachine::restore_command() const {
  return fmt::format("{} fetch {} {} %f %p", shell_word(program_), shell_word(folder()),
                     shell_word(cluster_.settings().data_folder + "/pg_wal"));
}

TimeZone TimeMachine::zone() const {
  return TimeZone::parse(settings_.text("timezone")).value_or(TimeZone());
}

void TimeMachine::make_folders() const {
  cluster_.make_own_folder(folder(), 0700);
  for (const char* name : {"wal", "objects", "base"}) cluster_.make_own_folder(folder() + "/" + name, 0700);
}

Task<void> TimeMachine::apply() {
  disk_ = or_throw(read_disk_space(layout_.library()));
  if (system_.empty()) {
    const auto rows =
        co_await admin_.query_repeatable("SELECT system_identifier::text FROM pg_control_system()");
    system_ = rows.front().text(0);
  }
  TimeMachineFacts facts;
  facts.setting = settings_.text("timeMachine");
  // PostgreSQL's user must come to it, not only we.
  facts.has_program =
      ::access(program_.c_str(), X_OK) == 0 && (::geteuid() != 0 || is_reachable_by_others(program_));
  facts.has_tablespaces = !names_in(cluster_.settings().data_folder + "/pg_tblspc").empty();
  facts.is_on = path_exists(mark_of(layout_));
  facts.disk_bytes = disk_.total_bytes;
  facts.free_bytes = disk_.free_bytes;
  if (!bases_.empty()) facts.cluster_bytes = bases_.back().bytes;
  auto choice = choose_time_machine(facts);
  if (choice.is_on && !facts.is_on && bases_.empty()) {
    // Looks at every file of the cluster: only when it matters.
    const auto rows = co_await admin_.query_repeatable(
        "SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datallowconn");
    facts.cluster_bytes = static_cast<std::uint64_t>(rows.front().get<std::int64_t>(0));
    choice = choose_time_machine(facts);
  }
  count_waiting();
  if (choice.is_on && facts.is_on && waiting_ > kTooMany)
    choice = {false,
              fmt::format("{} segments of the log waited, and {} was not run: see the log of postgresql",
                          waiting_, program_)};
  reason_ = choice.reason;
  is_on_ = choice.is_on;
  if (choice.is_on != facts.is_on) {
    if (choice.is_on) {
      make_folders();
      or_throw(write_file_durably(mark_of(layout_), "The log of the cluster is archived here.\n", 0600));
      log_info("time machine on", {{"folder", folder()}});
    } else {
      if (::unlink(mark_of(layout_).c_str()) != 0 && errno != ENOENT)
        throw Failure(errno_error(errno, "remove " + mark_of(layout_)));
      log_warning("time machine off", {{"reason", choice.reason}});
    }
  }
  auto settings = cluster_.settings();
  settings.archive_command = archive_command(layout_, program_);
  if (settings.archive_command != cluster_.settings().archive_command)
    co_await cluster_.change_settings(std::move(settings));
}

void TimeMachine::read_bases() {
  std::map<std::string, Base> known;
  for (auto& base : bases_) known.emplace(base.facts.id, std::move(base));
  bases_.clear();
  for (const auto& name : names_in(folder() + "/base")) {
    if (!name.ends_with(".json")) continue;
    const std::string id = name.substr(0, name.size() - 5);
    if (auto found = known.extract(id)) {
      bases_.push_back(std::move(found.mapped()));
      continue;
    }
    auto manifest = read_manifest(id);
    if (!manifest) {
      log_warning("base backup cannot be read", {{"id", id}, {"error", manifest.error().detail}});
      continue;
    }
    if (manifest->system != system_) continue;  // of a cluster that was here before
    bases_.push_back(
        {{id, manifest->start.number, manifest->stop.number, manifest->started, manifest->stopped},
         manifest->files.bytes(),
         manifest->files.new_bytes,
         std::move(manifest->instances)});
  }
  std::sort(bases_.begin(), bases_.end(),
            [](const Base& a, const Base& b) { return a.facts.start < b.facts.start; });
  base_facts_.clear();
  for (const auto& base : bases_) base_facts_.push_back(base.facts);
}

void TimeMachine::count_waiting() {
  waiting_ = 0;
  for (const auto& name : names_in(cluster_.settings().data_folder + "/pg_wal/archive_status"))
    if (name.ends_with(".ready")) ++waiting_;
}

Task<void> TimeMachine::read_archiver() {
  const auto rows = co_await admin_.query_repeatable(
      "SELECT coalesce(last_archived_wal, ''), coalesce(last_failed_wal, ''), "
      "coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL), "
      "current_setting('archive_mode') FROM pg_stat_archiver");
  const auto row = rows.front();
  const auto last = archive::parse_segment_name(row.get<std::string>(0));
  const bool fails = row.get<bool>(2);
  const bool is_possible = row.get<std::string>(3) == "on";
  count_waiting();
  failure_.clear();
  if (!is_possible) {
    failure_ = "PostgreSQL was started without it, by an older platform: it begins with the next start";
  } else if (fails && disk_.free_bytes < reserve_bytes()) {
    failure_ = fmt::format("{} MiB of the disk are free, {} have to stay so", disk_.free_bytes >> 20,
                           reserve_bytes() >> 20);
  } else if (fails) {
    failure_ =
        fmt::format("segment {} cannot be archived, the log of postgresql says why", row.get<std::string>(1));
  }
  // Was the last one that PostgreSQL is rid of given up?
  const bool has_last = !last || (!segments_.empty() && segments_.back().name.number >= last->number);
  is_current_ = is_on_ && is_possible &&
                (has_last || base_facts_.empty() || (last && last->number < base_facts_.back().start));
}

Task<void> TimeMachine::refresh() {
  disk_ = or_throw(read_disk_space(layout_.library()));
  read_bases();
  segments_ = archive::list_segments(folder());
  co_await read_archiver();
}

std::vector<archive::Range> TimeMachine::ranges() const {
  return archive::reachable_ranges(base_facts_, segments_, is_current_);
}

const archive::BaseFacts* TimeMachine::find_base(Moment moment) const {
  return archive::find_base(base_facts_, segments_, is_current_, moment);
}

std::uint64_t TimeMachine::log_bytes_between(std::uint64_t first, Moment moment) const {
  std::uint64_t count = 1;  // the one that is not archived yet
  for (const auto& segment : segments_) {
    if (segment.name.number < first) continue;
    ++count;
    if (segment.stored > moment) break;
  }
  return count * archive::kSegmentBytes;
}

bool TimeMachine::is_archived(const std::string& segment) const {
  return path_exists(folder() + "/wal/" + segment + ".zst");
}

const std::vector<archive::BaseInstance>* TimeMachine::instances_of(const std::string& id) const {
  for (const auto& base : bases_)
    if (base.facts.id == id) return &base.instances;
  return nullptr;
}

Result<archive::Manifest> TimeMachine::read_manifest(const std::string& id) const {
  BERTH_TRY(const auto text, read_file(folder() + "/base/" + id + ".json", kManifestLimit));
  return archive::parse_manifest(text);
}

api::TimeMachine TimeMachine::view() const {
  api::TimeMachine view;
  view.days = static_cast<std::uint64_t>(settings_.number("timeMachineDays"));
  view.time_zone = settings_.text("timezone");
  view.waiting_segments = is_on_ ? waiting_ : 0;
  for (const auto& range : ranges()) {
    api::ReachableRange one;
    one.from = format_utc(range.from);
    if (range.to) one.to = format_utc(*range.to);
    view.ranges.push_back(std::move(one));
  }
  for (const auto& base : bases_) {
    view.bases.push_back({base.facts.id, format_utc(base.facts.stopped), base.bytes, base.new_bytes});
    view.base_bytes += base.new_bytes;
  }
  for (const auto& segment : segments_) view.log_bytes += segment.bytes;
  if (segments_.size() > 1) {
    const auto time = std::max(segments_.back().stored - segments_.front().stored, 3600s);
    view.log_bytes_per_day = view.log_bytes * 86400 / static_cast<std::uint64_t>(time.count());
  }
  using State = api::TimeMachineState;
  view.state = !is_on_               ? State::kOff
               : !failure_.empty()   ? State::kFailing
               : view.ranges.empty() ? State::kStarting
                                     : State::kOn;
  view.reason = !is_on_ ? reason_ : failure_;
  return view;
}

std::vector<api::Check> TimeMachine::checks() const {
  TimeMachineHealth health;
  health.is_on = is_on_;
  health.is_failing = !failure_.empty();
  health.failure = failure_;
  health.ranges = ranges();
  health.now = now();
  if (!base_facts_.empty()) {
    health.last_base = base_facts_.back().started;
    for (const auto& segment : segments_)
      if (segment.name.number > base_facts_.back().stop) health.log_bytes += archive::kSegmentBytes;
  }
  return find_time_machine_checks(health);
}

bool TimeMachine::is_base_due() const {
  if (!is_on_ || !failure_.empty()) return false;
  archive::BaseDue due;
  due.now = now();
  if (!base_facts_.empty()) {
    const auto& last = base_facts_.back();
    const auto reach = archive::reach_of(last, segments_, is_current_);
    due.last = last.started;
    due.has_hole = !reach.is_usable || reach.to.has_value();
    due.cluster_bytes = bases_.back().bytes;
    for (const auto& segment : segments_)
      if (segment.name.number > last.stop) due.log_bytes += archive::kSegmentBytes;
  }
  const auto local = zone().to_local(due.now);
  const auto hour =
      std::chrono::duration_cast<std::chrono::hours>(local - std::chrono::floor<std::chrono::days>(local))
          .count();
  due.is_night = hour >= kNightFrom && hour < kNightTo;
  return archive::is_base_due(due);
}

Task<void> TimeMachine::expire(std::string making) {
  co_await refresh();
  auto keep = std::chrono::seconds(std::chrono::days(settings_.number("timeMachineDays")));
  auto expiry = archive::plan_expiry(base_facts_, now(), keep);
  // Little room: what is oldest goes first, down to one base backup.
  const bool is_short = is_on_ && disk_.free_bytes < 2 * reserve_bytes();
  if (is_short && base_facts_.size() > 1 && expiry.bases.empty()) {
    log_warning("time machine: the oldest moments go, for the disk is nearly full",
                {{"freeMiB", disk_.free_bytes >> 20}});
    expiry.bases = {base_facts_.front().id};
    expiry.first_segment = base_facts_[1].start;
  }
  // Switched off: when all that can be reached is too old, nothing stays.
  const bool is_over = !is_on_ && !base_facts_.empty() &&
                       (segments_.empty() || segments_.back().stored < now() - keep) &&
                       base_facts_.back().stopped < now() - keep;
  if (is_over) {
    expiry.bases.clear();
    for (const auto& base : base_facts_) expiry.bases.push_back(base.id);
    expiry.first_segment = ~std::uint64_t{0};
  }
  for (const auto& id : expiry.bases) {
    const std::string path = folder() + "/base/" + id + ".json";
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw Failure(errno_error(errno, "remove " + path));
    log_info("base backup removed", {{"id", id}});
  }
  archive::remove_segments_before(folder(), expiry.first_segment);

  // Objects that no manifest names: of those just removed, and of copies that were broken off.
  std::set<std::string> used;
  bool is_sure = true;
  for (const auto& name : names_in(folder() + "/base")) {
    if (!name.ends_with(".json")) continue;
    const auto manifest = read_manifest(name.substr(0, name.size() - 5));
    if (!manifest) is_sure = false;  // whatever it names must stay
    else
      for (const auto& group : manifest->files.groups) used.insert(group.object);
  }
  for (const auto& name : names_in(folder() + "/objects"))
    if (is_sure && !used.contains(name) && (making.empty() || !name.starts_with(making + "-")))
      ::unlink((folder() + "/objects/" + name).c_str());
  if (!expiry.bases.empty()) co_await refresh();
}

}  // namespace berth::manager
