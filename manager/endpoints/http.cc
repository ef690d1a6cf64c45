// The keyed HTTP requests of the manager.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/sync.h"
#include "manager/endpoints/manager_instance.h"
#include "manager/endpoints/original.h"
#include "wire/json/json.h"

namespace berth::manager {

using loop::Task;

namespace {

constexpr std::uint64_t kRestoreLimit = std::uint64_t{256} << 30;  // the disk is the real bound

// The bytes of a backup as the body of an answer; a slow client slows pg_dump.
class ResponseSink : public BackupSink {
 public:
  explicit ResponseSink(sdk::HttpResponse& response) : response_(response) {}
  Task<void> write(std::string bytes) override { return response_.write(std::move(bytes)); }

 private:
  sdk::HttpResponse& response_;
};

bool is_set(const std::optional<std::string>& value) { return value && (*value == "1" || *value == "true"); }

}  // namespace

Task<void> ManagerInstance::serve_backup(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  check_key(request.query("key"));
  auto& parts = admin_.parts();
  const bool text = is_set(request.query("uncompressed"));
  ResponseSink sink(response);
  response.header("cache-control", "no-store");
  response.content_type(text ? "application/sql" : "application/octet-stream");
  const auto format = text ? ExportFormat::kSql : ExportFormat::kDump;
  if (const auto set = request.query("set")) {
    // Out of a backup set, as it was written then; without a name the manager's own.
    const std::string name = request.query("appName").value_or(""),
                      domain = request.query("appDomain").value_or("");
    const auto item = co_await parts.sets.store().item(*set, name, domain);
    response.content_type("application/octet-stream").file_name(fmt::format("backup-{}.dump", item.database));
    co_await parts.sets.get(*set, name, domain, sink);
  } else if (is_set(request.query("manager"))) {
    response.file_name(fmt::format("backup-manager.{}", text ? "sql" : "dump"));
    // ignoreStatistics leaves out the original's statistics tables; we have none.
    co_await parts.exports.write_manager(format, sink);
  } else {
    const std::string name = request.query("appName").value_or(""),
                      domain = request.query("appDomain").value_or("");
    const auto row = or_throw(parts.instances.get(name, domain));
    response.file_name(fmt::format("backup-{}.{}", row.database, text ? "sql" : "dump"));
    co_await parts.exports.write_instance(name, domain, format, sink);
  }
  co_await response.finish();
}

Task<void> ManagerInstance::serve_download(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  auto taken = admin_.downloads().take(request.query("key"));
  response.header("cache-control", "no-store")
      .content_type(taken.file.content_type)
      .file_name(taken.file.name);
  if (const auto bytes = size_of(taken.file)) response.content_length(*bytes);
  ResponseSink sink(response);
  co_await write_file(admin_.parts().loop, std::move(taken.file), sink);
  co_await response.finish();
}

Task<std::string> ManagerInstance::take_upload(sdk::HttpRequest& request, std::uint64_t limit_bytes) {
  const std::string file = admin_.parts().instance_jobs.upload_path();
  struct Guard {
    const std::string& path;
    bool keep = false;
    ~Guard() {
      if (!keep) ::unlink(path.c_str());
    }
  } guard{file};
  if (request.content_length().value_or(0) > limit_bytes)
    throw_failure(Errc::kTooLarge, "The file is larger than {} bytes.", limit_bytes);
  UniqueFd target(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!target) throw Failure(errno_error(errno, "open " + file));
  std::uint64_t had = 0;
  for (;;) {
    const Bytes part = co_await request.read();
    if (part.empty()) break;
    had += part.size();
    if (had > limit_bytes) throw_failure(Errc::kTooLarge, "The file is larger than {} bytes.", limit_bytes);
    or_throw(write_all(target.get(), as_text(part)));
  }
  if (const auto announced = request.content_length(); announced && *announced != had)
    throw_failure(Errc::kMalformed, "{} bytes were announced, {} came.", *announced, had);
  if (::fsync(target.get()) != 0) throw Failure(errno_error(errno, "write " + file));
  guard.keep = true;
  co_return file;
}

void ManagerInstance::tell_restore(std::string src, std::optional<std::string> error) {
  if (src.empty()) return;
  json::Object message{{"mt", "RestoreResult"}, {"src", src}};
  if (error) message["error"] = *error;
  broadcast(message);
}

Task<void> ManagerInstance::follow_restore(std::string job, std::string src) {
  const auto ended = co_await admin_.parts().jobs.wait(job);
  tell_restore(src, ended ? ended->error : std::optional(ended.error().detail));
}

Task<void> ManagerInstance::serve_restore(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  std::string by = check_key(request.query("key"));
  const std::string src = request.query("src").value_or("");
  std::string name = request.query("appName").value_or(""), domain = request.query("appDomain").value_or("");
  // Clients of the original name the instance in `src` only ("restore-instance-<instance>"), and their SQL
  // text does not say whose it is. If two domains have an instance of that name the file must tell.
  constexpr std::string_view kInstance = "restore-instance-";
  if (name.empty() && src.starts_with(kInstance)) {
    const auto wanted = std::string_view(src).substr(kInstance.size());
    std::vector<std::string> domains;
    for (const auto& [key, row] : admin_.parts().instances.all())
      if (row.name == wanted && !row.is_deleted()) domains.push_back(row.domain);
    if (domains.size() == 1) name = wanted, domain = domains.front();
  }
  const std::string file = co_await take_upload(request, kRestoreLimit);
  const bool onto_external = request.query("onto") == "external";
  const auto job = co_await admin_.parts().instance_jobs.restore(file, name, domain, by, onto_external);
  if (!job) {
    tell_restore(src, job.error().detail);
    throw Failure(job.error());
  }
  tasks().spawn(follow_restore(job->id, src));
  response.header("cache-control", "no-store");
  const json::Object answer{{"job", job->id}};
  co_await response.send_json(json::serialize(answer));
}

Task<void> ManagerInstance::serve_dump(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  check_key(request.query("key"));
  auto& parts = admin_.parts();
  const std::string service = request.query("app").value_or("");
  std::vector<std::string> excluded;
  for (const auto table : split(request.query("exclude").value_or(""), ','))
    if (!trim(table).empty()) excluded.emplace_back(trim(table));
  if (!service.empty() && !parts.services.find(service))
    throw_failure(Errc::kNotFound, "There is no service {}.", service);
  response.content_type("text/xml; charset=utf-8").header("cache-control", "no-store");
  ResponseSink sink(response);
  co_await response.write("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<databases>\n");
  const auto rows = parts.instances.all();  // a copy: instances may come and go meanwhile
  for (const auto& [key, row] : rows) {
    if (!row.is_made || (!service.empty() && row.service != service)) continue;
    if (auto source = parts.instances.data_source(row))
      co_await write_xml(parts.loop, std::move(*source), excluded, sink);
  }
  co_await response.write("</databases>\n");
  co_await response.finish();
}

Task<void> ManagerInstance::serve_package(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  std::string by = check_key(request.query("key"));
  auto& parts = admin_.parts();
  const std::string name = request.query("name").value_or("");
  const std::string file =
      co_await take_upload(request, static_cast<std::uint64_t>(parts.settings.number("storeFileLimit")));
  const auto job = co_await parts.service_jobs.install_package(name, file, by);
  if (!job) throw Failure(job.error());
  const json::Object answer{{"job", job->id}};
  co_await response.send_json(json::serialize(answer));
}

Task<void> ManagerInstance::serve_icon(sdk::HttpResponse& response, std::string path) {
  auto& parts = admin_.parts();
  const bool installed = path.starts_with("icon/");
  const std::string id = path.substr(path.find('/') + 1, path.size() - path.find('/') - 5);
  std::optional<std::string> content;
  const Service* service = parts.services.find(id);
  if (service) {
    const auto bytes = co_await parts.services.repository().read_file(id, service->row().build,
                                                                      service->row().program + ".png");
    if (bytes) content = std::string(as_text(*bytes));
  }
  if (!content && !installed) content = co_await parts.store.icon(id);
  if (!content) throw_failure(Errc::kNotFound, "There is no icon of {}.", id);
  response.content_type("image/png").header("cache-control", "max-age=300");
  co_await response.send(std::move(*content));
}

}  // namespace berth::manager
