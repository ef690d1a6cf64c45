#include "manager/services/service_jobs.h"

#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "manager/instances/names.h"
#include "manager/jobs/upload_guard.h"
#include "manager/services/sandbox_wants.h"
#include "manager/store/archive.h"
#include "wire/json/json.h"

namespace berth::manager {

ServiceJobs::ServiceJobs(loop::Loop& loop, JobRunner& runner, Services& services, Instances& instances,
                         Store& store, net::HttpClient& http, Settings& settings, const Layout& layout)
    : loop_(loop),
      runner_(runner),
      services_(services),
      instances_(instances),
      store_(store),
      http_(http),
      settings_(settings),
      layout_(layout) {
  runner_.add_kind(api::JobKind::kInstall, [this](const JobEntry& entry) { return install_steps(entry); });
  runner_.add_kind(api::JobKind::kUpdate, [this](const JobEntry& entry) { return update_steps(entry); });
  runner_.add_kind(api::JobKind::kRemove, [this](const JobEntry& entry) { return remove_steps(entry); });
  runner_.add_kind(api::JobKind::kStart, [this](const JobEntry& entry) { return act_steps(entry); });
  runner_.add_kind(api::JobKind::kStop, [this](const JobEntry& entry) { return act_steps(entry); });
}

std::string ServiceJobs::folder_of(const JobEntry& entry) const {
  return layout_.downloads() + "/job-" + entry.id;
}

loop::Duration ServiceJobs::start_limit() const {
  return std::chrono::seconds(settings_.number("serviceStartSeconds"));
}

Task<Result<api::Job>> ServiceJobs::install(std::string id, std::string version, std::string by) {
  // What is installed is what the store offers now, not a quarter of an hour ago.
  const auto* state = co_await store_.get(true);
  if (!state->error.empty()) co_return tl::unexpected(Error{state->error_code, state->error});
  const auto* entry = state->index.find(id);
  if (!entry) co_return fail(Errc::kNotFound, "the store has no app \"{}\"", id);
  const auto* wanted = find_version(*entry, version);
  if (!wanted)
    co_return fail(Errc::kNotFound, "the store has no version \"{}\" of {}", version, entry->title);
  if (auto signer = store_.check_signer(state->signer); !signer) co_return tl::unexpected(signer.error());
  // What it asks for must be understood before it is there.
  const auto manifest = or_throw(json::parse_object(entry->json));
  if (const auto wants = parse_new_sandbox_wants(manifest); !wants) co_return tl::unexpected(wants.error());
  const Service* present = services_.find(id);
  if (present && present->row().build == wanted->build)
    co_return fail(Errc::kConflict, "{} {} (build {}) is installed already", entry->title, wanted->label,
                   wanted->build);
  NewJob job;
  job.kind = present ? api::JobKind::kUpdate : api::JobKind::kInstall;
  job.title = fmt::format("{} {} {}", present ? "Update to" : "Install", entry->title, wanted->label);
  job.target = id;
  job.by = by;
  job.data["id"] = id;
  job.data["version"] = wanted->build;
  co_return co_await runner_.start(std::move(job));
}

Task<Result<api::Job>> ServiceJobs::install_package(std::string name, std::string file, std::string by) {
  UploadGuard guard{file};
  if (name.empty()) {
    auto found = co_await app_in_package(file);
    if (!found) co_return tl::unexpected(found.error());
    name = std::move(*found);
  }
  if (auto checked = check_service_id(name); !checked) co_return tl::unexpected(checked.error());
  const bool present = services_.find(name) != nullptr;
  NewJob job;
  job.kind = present ? api::JobKind::kUpdate : api::JobKind::kInstall;
  job.title = fmt::format("{} {} from a file", present ? "Update" : "Install", name);
  job.target = name;
  job.by = by;
  job.data["id"] = name;
  job.data["version"] = "";
  job.data["file"] = file;
  auto started = co_await runner_.start(std::move(job));
  guard.keep = started.has_value();
  co_return started;
}

// A package file is a packed store: index, signature and the files at their places.
Task<void> ServiceJobs::unpack(std::string file, std::string folder) {
  or_throw(remove_tree(folder));
  ArchiveLimits limits;
  limits.file_bytes = static_cast<std::uint64_t>(settings_.number("storeFileLimit"));
  co_await unpack_archive(loop_, std::move(file), std::move(folder), limits);
}

Task<Result<std::string>> ServiceJobs::app_in_package(std::string file) {
  struct Folder {
    std::string path;
    ~Folder() { (void)remove_tree(path); }
  } folder{layout_.downloads() + "/look-" + random_hex(8)};
  co_await unpack(file, folder.path);
  const auto source = or_throw(open_source(loop_, http_, folder.path));
  const auto state = co_await store_.read_package_index(*source);
  const auto& apps = state.index.apps;
  if (apps.size() != 1)
    co_return fail(Errc::kMalformed, "the package holds {} apps: name the one to install", apps.size());
  co_return apps.front().id;
}

Task<void> ServiceJobs::download(JobRun& run) {
  const std::string folder = folder_of(run.entry()), id = run.text("id"), version = run.text("version");
  DownloadedPackage package;
  StoreEntry entry;
  StoreVersionEntry chosen;
  std::function<void(std::uint64_t)> progress = [&run](std::uint64_t percent) { run.progress(percent); };
  if (run.text("file").empty()) {
    package = co_await store_.download(id, version, folder, std::move(progress));
    entry = *store_.known().index.find(id);
    chosen = *find_version(entry, version);
  } else {
    co_await unpack(run.text("file"), folder + "-store");
    auto source = or_throw(open_source(loop_, http_, folder + "-store"));
    auto state = co_await store_.read_package_index(*source);
    or_throw(store_.check_signer(state.signer));
    const auto* found = state.index.find(id);
    if (!found) throw_failure(Errc::kNotFound, "the package has no app \"{}\"", id);
    entry = *found;
    const auto* first = find_version(entry, version);
    if (!first) throw_failure(Errc::kNotFound, "the package has no version of {}", id);
    chosen = *first;
    or_throw(parse_new_sandbox_wants(or_throw(json::parse_object(entry.json))));
    package = co_await store_.download_from(*source, entry, chosen, state.signer, folder, std::move(progress),
                                            DebugFiles::kTake);
    or_throw(remove_tree(folder + "-store"));
  }
  ServiceRow row;
  row.id = id;
  row.title = entry.title;
  row.manufacturer = entry.manufacturer;
  row.folder = entry.folder;
  row.program = package.program;
  row.version = chosen.id;
  row.build = chosen.build;
  row.label = chosen.label;
  row.signer = package.signer;
  row.store = or_throw(json::parse_object(entry.json));
  json::Array files;
  for (const auto& file : package.files)
    files.push_back(format_service_file({file.name, file.mode, file.size, file.sha256}));
  run.data()["service"] = format_service(row);
  run.data()["files"] = std::move(files);
  run.log(fmt::format("{} files, build {}, {}", package.files.size(), chosen.build,
                      package.signer.empty() ? "not signed" : "signed with key " + package.signer));
}

JobStep ServiceJobs::download_step() {
  JobStep step;
  step.text = "download and verify";
  step.run = [this](JobRun& run) { return download(run); };
  step.undo = [this](JobRun& run) -> Task<void> {
    const std::string folder = folder_of(run.entry());
    or_throw(remove_tree(folder));
    or_throw(remove_tree(folder + "-store"));
    if (const auto file = run.text("file"); !file.empty()) ::unlink(file.c_str());
    co_return;
  };
  return step;
}

namespace {

// What the download step found out; empty before it.
ServiceRow row_of(const JobRun& run, std::string_view member = "service") {
  const auto* object = json::find_object(run.entry().data, member);
  return object ? parse_service(*object) : ServiceRow();
}

std::vector<ServiceFile> files_of(const JobRun& run) {
  std::vector<ServiceFile> files;
  if (const auto* list = json::find_array(run.entry().data, "files"))
    for (const auto& value : *list) files.push_back(parse_service_file(value.get_object()));
  return files;
}

}  // namespace

JobStep ServiceJobs::clean_step(bool forget_builds) {
  JobStep step;
  step.text = "clean up";
  step.can_cancel = false;
  step.run = [this, forget_builds](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    if (forget_builds) co_await services_.repository().forget_other_builds(row.id, row.build);
    or_throw(remove_tree(folder_of(run.entry())));
    if (const auto file = run.text("file"); !file.empty()) ::unlink(file.c_str());
    run.result()["service"] = row.id;
    run.result()["build"] = row.build;
    run.result()["label"] = row.label;
  };
  return step;
}

JobRunner::Steps ServiceJobs::install_steps(const JobEntry&) {
  JobStep keep;
  keep.text = "keep in the database";
  keep.run = [this](JobRun& run) -> Task<void> {
    auto row = row_of(run);
    auto files = files_of(run);
    co_await services_.repository().keep(std::move(row), folder_of(run.entry()), std::move(files));
  };
  keep.undo = [this](JobRun& run) -> Task<void> {
    const std::string id = run.text("id");
    co_await services_.drop(id);
    co_await services_.repository().remove(id);
    or_throw(remove_tree(layout_.app(id)));
    or_throw(remove_tree(layout_.work() + "/" + id));
  };
  JobStep start;
  start.text = "start";
  start.run = [this](JobRun& run) -> Task<void> {
    const std::string id = run.text("id");
    co_await services_.take_over(id);
    co_await services_.start_and_wait(id, start_limit());
  };
  JobRunner::Steps steps;
  steps.push_back(download_step());
  steps.push_back(std::move(keep));
  steps.push_back(std::move(start));
  steps.push_back(clean_step(false));
  return steps;
}

JobRunner::Steps ServiceJobs::update_steps(const JobEntry&) {
  JobStep keep;
  keep.text = "keep in the database";
  keep.run = [this](JobRun& run) -> Task<void> {
    const auto present = co_await services_.repository().find(run.text("id"));
    if (!present) throw_failure(Errc::kNotFound, "{} is no longer installed", run.text("id"));
    auto row = row_of(run);
    if (present->build == row.build)
      throw_failure(Errc::kConflict, "build {} of {} is installed already", present->build, present->id);
    if (!run.data().contains("old")) {
      run.data()["old"] = format_service(*present);
      co_await run.save();
    }
    auto files = files_of(run);
    co_await services_.repository().keep(std::move(row), folder_of(run.entry()), std::move(files));
  };
  keep.undo = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run), old = row_of(run, "old");
    if (!old.id.empty() && old.build != row.build)
      co_await services_.repository().forget_build(row.id, row.build);
  };

  JobStep change;
  change.text = "change over and start";
  change.run = [this](JobRun& run) -> Task<void> {
    const std::string id = run.text("id");
    auto row = row_of(run);
    co_await services_.repository().use_build(std::move(row));
    Service* service = co_await services_.take_over(id);
    if (!service->row().wanted) co_return;  // stopped by an admin: stays so
    co_await services_.stop(id);
    co_await services_.start_and_wait(id, start_limit());
  };
  change.undo = [this](JobRun& run) -> Task<void> {
    auto old = row_of(run, "old");
    if (old.id.empty()) co_return;
    const std::string id = old.id;
    co_await services_.repository().use_build(std::move(old));
    Service* service = co_await services_.take_over(id);
    co_await services_.stop(id);
    if (!service->row().wanted) co_return;
    service->process().start();
    services_.start_isolated(id);
  };
  JobRunner::Steps steps;
  steps.push_back(download_step());
  steps.push_back(std::move(keep));
  steps.push_back(std::move(change));
  steps.push_back(clean_step(true));
  return steps;
}

Task<Result<api::Job>> ServiceJobs::remove(std::string id, std::string by) {
  const Service* service = services_.find(id);
  if (!service) co_return fail(Errc::kNotFound, "service {} is not installed", id);
  const auto instances = instances_.of_service(id);
  if (!instances.empty()) {
    std::vector<std::string> names;
    for (const auto& row : instances)
      if (names.size() < 5) names.push_back(row.key() + (row.is_deleted() ? " (in the bin)" : ""));
    co_return fail(Errc::kConflict, "{} still has {} instance{}: {}{}; delete them for good first", id,
                   instances.size(), instances.size() == 1 ? "" : "s", fmt::join(names, ", "),
                   instances.size() > names.size() ? ", …" : "");
  }
  NewJob job;
  job.kind = api::JobKind::kRemove;
  job.title = "Remove " + service->row().title;
  job.target = id;
  job.by = by;
  job.data["id"] = id;
  co_return co_await runner_.start(std::move(job));
}

JobRunner::Steps ServiceJobs::remove_steps(const JobEntry&) {
  JobStep stop;
  stop.text = "stop";
  stop.run = [this](JobRun& run) -> Task<void> { co_await services_.drop(run.text("id")); };
  stop.undo = [this](JobRun& run) -> Task<void> {
    const std::string id = run.text("id");
    const auto present = co_await services_.repository().find(id);
    if (!present) co_return;
    Service* service = co_await services_.take_over(id);
    if (service->row().wanted) service->process().start();
  };
  JobStep remove;
  remove.text = "remove";
  remove.can_cancel = false;
  remove.run = [this](JobRun& run) -> Task<void> {
    const std::string id = run.text("id");
    co_await services_.drop(id);  // a new manager has started it again
    co_await services_.repository().remove(id);
    or_throw(remove_tree(layout_.app(id)));
    or_throw(remove_tree(layout_.work() + "/" + id));
  };
  JobRunner::Steps steps;
  steps.push_back(std::move(stop));
  steps.push_back(std::move(remove));
  return steps;
}

Task<Result<api::Job>> ServiceJobs::act(std::string id, Act act, std::string by) {
  const Service* service = services_.find(id);
  if (!service) co_return fail(Errc::kNotFound, "service {} is not installed", id);
  NewJob job;
  job.kind = act == Act::kStop ? api::JobKind::kStop : api::JobKind::kStart;
  job.title = fmt::format("{} {}",
                          act == Act::kStop    ? "Stop"
                          : act == Act::kStart ? "Start"
                                               : "Restart",
                          service->row().title);
  job.target = id;
  job.by = by;
  job.data["id"] = id;
  job.data["restart"] = act == Act::kRestart;
  co_return co_await runner_.start(std::move(job));
}

JobRunner::Steps ServiceJobs::act_steps(const JobEntry& entry) {
  const bool stops = entry.kind == api::JobKind::kStop || json::get_bool(entry.data, "restart");
  const bool starts = entry.kind == api::JobKind::kStart;
  JobRunner::Steps steps;
  if (stops) {
    JobStep stop;
    stop.text = "stop";
    stop.can_cancel = false;
    stop.run = [this, starts](JobRun& run) -> Task<void> {
      const std::string id = run.text("id");
      if (!services_.find(id)) throw_failure(Errc::kNotFound, "service {} is not installed", id);
      if (!starts) co_await services_.set_wanted(id, false);
      co_await services_.stop(id);
    };
    steps.push_back(std::move(stop));
  }
  if (starts) {
    JobStep start;
    start.text = "start";
    start.run = [this](JobRun& run) -> Task<void> {
      const std::string id = run.text("id");
      co_await services_.set_wanted(id, true);
      co_await services_.start_and_wait(id, start_limit());
    };
    steps.push_back(std::move(start));
  }
  return steps;
}

}  // namespace berth::manager
