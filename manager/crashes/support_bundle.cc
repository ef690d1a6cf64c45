#include "manager/crashes/support_bundle.h"
#include "manager/supervise/log_folder.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/flight_recorder.h"
#include "base/log.h"
#include "base/text.h"
#include "db/sql.h"
#include "manager/crashes/redactor.h"
#include "manager/crashes/unnamed_file.h"
#include "manager/platform/clock.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

struct Member {
  std::string name, text;
};

// Blocking; in the worker.
class BundleWriter {
 public:
  explicit BundleWriter(int fd) : archive_(::archive_write_new()) {
    ::archive_write_add_filter_zstd(archive_);
    ::archive_write_set_format_pax_restricted(archive_);
    check(::archive_write_open_fd(archive_, fd));
  }
  ~BundleWriter() { ::archive_write_free(archive_); }
  BundleWriter(const BundleWriter&) = delete;

  void add(const std::string& name, std::string_view text) {
    begin(name, text.size());
    put(text.data(), text.size());
  }
  // As it is, from a descriptor.
  void add_file(const std::string& name, int fd) {
    struct stat info{};
    if (::fstat(fd, &info) != 0) throw Failure(errno_error(errno, name));
    begin(name, static_cast<std::uint64_t>(info.st_size));
    std::vector<char> piece(1 << 20);
    for (off_t at = 0; at < info.st_size;) {
      const auto got = ::pread(fd, piece.data(), piece.size(), at);
      if (got <= 0) break;
      put(piece.data(), static_cast<std::size_t>(got));
      at += got;
    }
  }
  void finish() { check(::archive_write_close(archive_)); }

 private:
  void begin(const std::string& name, std::uint64_t size) {
    archive_entry* entry = ::archive_entry_new();
    ::archive_entry_set_pathname(entry, ("berth-support/" + name).c_str());
    ::archive_entry_set_size(entry, static_cast<la_int64_t>(size));
    ::archive_entry_set_filetype(entry, AE_IFREG);
    ::archive_entry_set_perm(entry, 0600);
    ::archive_entry_set_mtime(entry, std::time(nullptr), 0);
    const int done = ::archive_write_header(archive_, entry);
    ::archive_entry_free(entry);
    check(done);
  }
  void put(const char* bytes, std::size_t size) {
    if (size > 0 && ::archive_write_data(archive_, bytes, size) < 0) check(ARCHIVE_FATAL);
  }
  void check(int code) {
    if (code >= ARCHIVE_WARN) return;
    const char* text = ::archive_error_string(archive_);
    throw_failure(Errc::kFailed, "support bundle: {}", text ? text : "unknown fault");
  }
  struct archive* archive_;
};

struct LogPart {
  std::string name, path;
  timespec changed{};
};

// The newest first.
std::vector<LogPart> find_logs(const std::string& folder) {
  std::vector<LogPart> parts;
  DIR* directory = ::opendir(folder.c_str());
  if (!directory) return parts;
  std::vector<std::string> services;
  while (const dirent* entry = ::readdir(directory))
    if (entry->d_name[0] != '.' && std::string_view(entry->d_name) != "core_dumps")
      services.emplace_back(entry->d_name);
  ::closedir(directory);
  for (const auto& service : services) {
    DIR* inner = ::opendir((folder + "/" + service).c_str());
    if (!inner) continue;
    while (const dirent* entry = ::readdir(inner)) {
      struct stat info{};
      if (std::string_view(entry->d_name).find(".log") == std::string_view::npos ||
          ::fstatat(::dirfd(inner), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
        continue;
      parts.push_back(
          {service + "/" + entry->d_name, folder + "/" + service + "/" + entry->d_name, info.st_mtim});
    }
    ::closedir(inner);
  }
  std::sort(parts.begin(), parts.end(), [](const LogPart& a, const LogPart& b) {
    return std::pair(a.changed.tv_sec, a.changed.tv_nsec) > std::pair(b.changed.tv_sec, b.changed.tv_nsec);
  });
  return parts;
}

std::string describe_machine(const Layout& layout) {
  std::string text;
  utsname name{};
  if (::uname(&name) == 0)
    text += fmt::format("{} {} {} {}\n\n", name.sysname, name.release, name.version, name.machine);
  for (const char* path : {"/etc/os-release", "/proc/loadavg", "/proc/uptime", "/proc/meminfo",
                           "/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io",
                           "/proc/sys/kernel/core_pattern", "/proc/self/mountinfo"}) {
    const auto content = read_file(path, 1 << 20);
    text += fmt::format("== {}\n{}\n", path, content ? *content : "(not there)\n");
  }
  struct statvfs disk{};
  if (::statvfs(layout.library().c_str(), &disk) == 0)
    text += fmt::format("== disk\nbytes {} free {} inodes {} free {}\n", disk.f_blocks * disk.f_frsize,
                        disk.f_bavail * disk.f_frsize, disk.f_files, disk.f_favail);
  return text;
}

void add_strings(const json::Value& value, Redactor& redactor) {
  if (const auto* text = value.if_string()) redactor.add({text->data(), text->size()});
  if (const auto* list = value.if_array())
    for (const auto& entry : *list) add_strings(entry, redactor);
  if (const auto* object = value.if_object())
    for (const auto& [name, entry] : *object) add_strings(entry, redactor);
}

// Everything that is sealed anywhere in the manager's database, and what is made of the key.
Task<Redactor> know_secrets(Parts& parts) {
  Redactor redactor;
  for (const auto& [key, row] : parts.instances.all()) {
    redactor.add(row.password);
    redactor.add(row.database_password);
    if (row.external) redactor.add(row.external->password);
    redactor.add(parts.instances.grant_of(row));
  }
  for (const auto& [domain, password] : parts.instances.registered_domains) redactor.add(password);
  redactor.add(parts.box.key());
  const auto columns = co_await parts.database.query_repeatable(
      "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t "
      "USING (table_schema, table_name) WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' "
      "AND c.data_type IN ('text', 'jsonb', 'json')");
  for (const auto column : columns) {
    const std::string sql = fmt::format(
        "SELECT DISTINCT (regexp_matches({0}::text, 's1:[A-Za-z0-9+/=]+', 'g'))[1] AS sealed FROM {1}",
        db::quote_identifier(column.text("column_name")), db::quote_identifier(column.text("table_name")));
    const auto rows = co_await parts.database.query_repeatable(sql);
    for (const auto row : rows) {
      auto secret = parts.box.unseal(row.text("sealed"));
      if (!secret) continue;  // of another platform's key: nobody here can read it
      redactor.add(*secret);
      // Certificates and the like are several lines, targets several members.
      for (const auto line : split(*secret, '\n'))
        if (!line.starts_with("-----")) redactor.add(trim(line));
      if (const auto value = json::parse(*secret)) add_strings(*value, redactor);
      erase_secret(*secret);
    }
  }
  co_return redactor;
}

std::string pretty(const json::Value& value) { return json::serialize(value) + "\n"; }

std::vector<api::Setting> without_urls(std::vector<api::Setting> settings) {
  for (auto& setting : settings) {
    if (setting.secret || setting.type == api::SettingType::kPassword) setting.value.clear();
    std::string value;
    for (const auto word : split(setting.value, ' ')) {
      if (!value.empty()) value += ' ';
      value += redact_url(word);
    }
    setting.value = std::move(value);
  }
  return settings;
}

constexpr std::string_view kReadme =
    "What a platform knows about itself, for whoever looks for a fault in it.\n"
    "Passwords, keys and tokens were removed: they are no members of what is structured, and \"[removed]\" "
    "stands in\n"
    "place of them in texts. Names of people, domains and addresses were not. Core dumps are in it only if "
    "they were\n"
    "asked for; they hold whatever was in memory.\n";

}  // namespace

Task<UniqueFd> make_support_bundle(Parts& parts, bool cores) {
  auto redactor = std::make_shared<Redactor>(co_await know_secrets(parts));
  std::vector<Member> members;
  members.push_back({"README.txt", std::string(kReadme)});
  members.push_back({"status.json", pretty(api::to_json(parts.status()))});
  json::Array services, instances, jobs;
  for (const auto& [id, service] : parts.services.all())
    services.push_back(api::to_json(parts.services.view(id, parts.instances.of_service(id).size())));
  for (const auto& [key, row] : parts.instances.all())
    instances.push_back(api::to_json(parts.instances.view(row)));
  members.push_back({"services.json", pretty(services)});
  members.push_back({"instances.json", pretty(instances)});
  members.push_back({"settings.json", pretty(api::to_json(without_urls(parts.settings.list())))});
  members.push_back({"traces.json", pretty(api::to_json(parts.traces.list()))});
  const auto alarms = co_await parts.alarms.list(1'000);
  members.push_back({"alarms.json", pretty(api::to_json(alarms))});
  const auto all_jobs = co_await parts.jobs.recent(200);
  for (const auto& job : all_jobs) jobs.push_back(api::to_json(job));
  members.push_back({"jobs.json", pretty(jobs)});
  auto crashes = co_await parts.crashes.list("");
  members.push_back({"crashes/crashes.json", pretty(api::to_json(crashes))});
  std::vector<std::pair<std::string, UniqueFd>> dumps;
  for (const auto& report : crashes.reports) {
    const auto whole = co_await parts.crashes.get(report.id);
    members.push_back({fmt::format("crashes/{}.json", report.id), pretty(api::to_json(whole))});
    if (cores && report.core_bytes > 0)
      dumps.emplace_back(fmt::format("crashes/{}.core.zst", report.id),
                         co_await parts.crashes.open_core(report.id));
  }
  for (const auto& service : parts.services.processes()) {
    const auto memory = service->read_flight_memory();
    const auto tape =
        memory ? parse_flight_recorder(*memory) : Result<FlightTape>(tl::unexpected(memory.error()));
    if (!tape) continue;
    std::string text;
    for (const auto& entry : tape->entries) text += format_flight_entry(entry) + '\n';
    members.push_back({fmt::format("flight_recorders/{}.txt", service->name()), std::move(text)});
  }

  or_throw(make_directories(parts.layout.core_dumps(), 0700));
  auto file = std::make_shared<UniqueFd>(or_throw(make_unnamed_file(parts.layout.core_dumps())));
  loop::Worker worker(parts.loop);
  const auto shared_dumps = std::make_shared<decltype(dumps)>(std::move(dumps));
  co_await worker.run([file, redactor, shared_dumps, members = std::move(members), logs = parts.layout.logs(),
                       machine = describe_machine(parts.layout)] {
    BundleWriter writer(file->get());
    for (const auto& member : members) writer.add(member.name, redactor->redact(member.text));
    writer.add("machine.txt", redactor->redact(machine));
    std::uint64_t left = kBundleLogBytes;
    for (const auto& log : find_logs(logs)) {
      const auto text = read_file_end(log.path, std::min(left, kBundleFileBytes)).text;
      left -= text.size();
      writer.add("logs/" + log.name, redactor->redact(text));
      if (left == 0) break;
    }
    for (const auto& [name, fd] : *shared_dumps) writer.add_file(name, fd.get());
    writer.finish();
    return true;
  });
  if (::lseek(file->get(), 0, SEEK_SET) != 0) throw Failure(errno_error(errno, "support bundle"));
  co_return std::move(*file);
}

}  // namespace berth::manager
