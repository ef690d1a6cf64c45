#include "manager/instances/exports.h"

namespace berth::manager {

Task<void> Exports::write_instance(std::string name, std::string domain, ExportFormat format,
                                   BackupSink& sink) {
  if (format == ExportFormat::kDump) {
    co_await jobs_.backup(name, domain, sink);
    co_return;
  }
  const auto row = or_throw(instances_.get(name, domain));
  auto source = or_throw(instances_.data_source(row));
  co_await backups_.write_sql(std::move(source), sink);
}

Task<void> Exports::write_manager(ExportFormat format, BackupSink& sink) {
  auto source = instances_.cluster().superuser("manager");
  if (format == ExportFormat::kSql) {
    co_await backups_.write_sql(std::move(source), sink);
    co_return;
  }
  BackupMetadata about;
  about.name = "manager";
  about.service = "manager";
  about.database = "manager";
  about.platform_version = version_;
  co_await backups_.write(std::move(source), std::move(about), std::nullopt, sink);
}

}  // namespace berth::manager
