#pragma once

namespace berth::manager {

enum class ExportFormat {
  kDump,  // a backup file (docs/backup-file.md)
  kSql,   // SQL text for psql, without what the instance needs beside its data
};

}  // namespace berth::manager
