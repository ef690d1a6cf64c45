#include <sys/stat.h>

#include "manager/endpoints/admin.h"
#include "manager/endpoints/external_place.h"
#include "manager/endpoints/log_follow.h"

namespace berth::manager {
namespace {

constexpr std::uint64_t kUploadLimit = std::uint64_t{256} << 30;  // the disk is the real bound

std::string secret_of(const AdminPeer& peer, const std::optional<api::Password>& password) {
  return password ? or_throw(peer.open_secret(*password)) : std::string();
}

}  // namespace

void Admin::add_instances() {
  on<api::GetInstances>([this](api::GetInstances message, AdminRequest&) -> Task<api::GetInstancesResult> {
    co_await refresh();
    api::GetInstancesResult result;
    for (const auto& [key, row] : parts_.instances.all())
      if (message.deleted || !row.is_deleted()) result.instances.push_back(parts_.instances.view(row));
    co_return result;
  });
  on<api::GetInstance>([this](api::GetInstance message, AdminRequest&) -> Task<api::GetInstanceResult> {
    const auto row = or_throw(parts_.instances.get(message.name, message.domain));
    co_await refresh();
    api::GetInstanceResult result;
    result.instance = parts_.instances.view(row);
    co_return result;
  });
  on<api::CreateInstance>(
      [this](api::CreateInstance message, AdminRequest& request) -> Task<api::CreateInstanceResult> {
        NewInstance wanted;
        wanted.service = message.service;
        wanted.name = message.name;
        wanted.domain = message.domain;
        wanted.path = message.path.value_or("");
        wanted.password = secret_of(request.peer, message.password);
        wanted.database = message.database.value_or("");
        wanted.database_password = secret_of(request.peer, message.database_password);
        wanted.start = message.start;
        if (message.external) wanted.external = to_place(request.peer, *message.external);
        auto created = or_throw(co_await parts_.instance_jobs.create(std::move(wanted), request.peer.who()));
        api::CreateInstanceResult result;
        result.job = created.job;
        result.instance = parts_.instances.view(created.row);
        result.password = request.peer.seal_secret(created.row.password);
        result.database_password = request.peer.seal_secret(created.row.database_password);
        co_return result;
      });
  on<api::SuggestInstance>(
      [this](api::SuggestInstance message, AdminRequest&) -> Task<api::SuggestInstanceResult> {
        co_return parts_.instances.suggest(message);
      });
  on<api::StopInstance>([this](api::StopInstance message, AdminRequest&) -> Task<api::StopInstanceResult> {
    co_await parts_.instances.stop(message.name, message.domain);
    co_return api::StopInstanceResult{};
  });
  on<api::RestartInstance>(
      [this](api::RestartInstance message, AdminRequest&) -> Task<api::RestartInstanceResult> {
        co_await parts_.instances.restart(message.name, message.domain);
        co_return api::RestartInstanceResult{};
      });
  on<api::EditInstance>([this](api::EditInstance message, AdminRequest&) -> Task<api::EditInstanceResult> {
    const std::string key = message.name + "@" + message.domain;
    if (const auto busy = parts_.jobs.find_running(key))
      throw_failure(Errc::kConflict, "{} is busy: \"{}\" is already running", key, busy->title);
    const auto row = co_await parts_.instances.edit(message);
    api::EditInstanceResult result;
    result.instance = parts_.instances.view(row);
    co_return result;
  });
  on<api::RenameInstances>(
      [this](api::RenameInstances message, AdminRequest& request) -> Task<api::RenameInstancesResult> {
        co_return or_throw(co_await parts_.rename_jobs.rename(std::move(message), request.peer.who()));
      });
  on<api::DeleteInstance>(
      [this](api::DeleteInstance message, AdminRequest& request) -> Task<api::DeleteInstanceResult> {
        api::DeleteInstanceResult result;
        if (message.kept) {
          result.job = or_throw(co_await parts_.instance_jobs.remove_kept(message.name, message.domain,
                                                                          *message.kept, request.peer.who()));
          co_return result;
        }
        result.job = or_throw(co_await parts_.instance_jobs.remove(message.name, message.domain, message.now,
                                                                   request.peer.who()));
        co_return result;
      });
  on<api::UndoDelete>([this](api::UndoDelete message, AdminRequest& request) -> Task<api::UndoDeleteResult> {
    api::UndoDeleteResult result;
    result.job = or_throw(co_await parts_.instance_jobs.undo(message.name, message.domain,
                                                             message.kept.value_or(""), request.peer.who()));
    co_return result;
  });
  on<api::SetInstancePassword>([this](api::SetInstancePassword message,
                                      AdminRequest& request) -> Task<api::SetInstancePasswordResult> {
    std::string password = secret_of(request.peer, message.password);
    const bool generated = password.empty();
    if (generated) password = random_password();
    co_await parts_.instances.set_password(message.name, message.domain, password);
    api::SetInstancePasswordResult result;
    if (generated) result.password = request.peer.seal_secret(password);
    co_return result;
  });
  on<api::SetDatabasePassword>([this](api::SetDatabasePassword message,
                                      AdminRequest& request) -> Task<api::SetDatabasePasswordResult> {
    std::string password = secret_of(request.peer, message.password);
    const bool generated = password.empty();
    const auto row = or_throw(parts_.instances.get(message.name, message.domain));
    if (generated && row.external)
      throw_failure(Errc::kMalformed, "the data of {} are in {}: set the password there, then tell it here",
                    row.key(), row.external->describe());
    if (generated) password = random_password();
    co_await parts_.instances.set_database_password(message.name, message.domain, password);
    api::SetDatabasePasswordResult result;
    if (generated) result.password = request.peer.seal_secret(password);
    co_return result;
  });
  on<api::BackupInstance>(
      [this](api::BackupInstance message, AdminRequest& request) -> Task<api::BackupInstanceResult> {
        if (request.descriptors.empty())
          throw_failure(Errc::kMalformed, "BackupInstance comes with the descriptor to write to");
        UniqueFd target = std::move(request.descriptors.front());
        DescriptorSink sink(parts_.loop, target.get());
        const auto written = co_await parts_.instance_jobs.backup(message.name, message.domain, sink);
        // Whoever asked may rename the file now: it must be whole on disk. Pipes and sockets have nothing to sync.
        struct stat info{};
        if (::fstat(target.get(), &info) == 0 && S_ISREG(info.st_mode) && ::fsync(target.get()) != 0)
          throw Failure(errno_error(errno, "write the backup"));
        api::BackupInstanceResult result;
        result.bytes = written.bytes;
        co_return result;
      });
  on<api::RestoreInstance>([this](api::RestoreInstance message,
                                  AdminRequest& request) -> Task<api::RestoreInstanceResult> {
    if (request.descriptors.empty())
      throw_failure(Errc::kMalformed, "RestoreInstance comes with the descriptor of the backup file");
    const std::string file = parts_.instance_jobs.upload_path();
    UniqueFd source = std::move(request.descriptors.front());
    co_await copy_to_file(parts_.loop, std::move(source), file, kUploadLimit);
    api::RestoreInstanceResult result;
    result.job = or_throw(co_await parts_.instance_jobs.restore(file, message.name.value_or(""),
                                                                message.domain.value_or(""),
                                                                request.peer.who(), message.onto_external));
    co_return result;
  });
}

}  // namespace berth::manager
