// Parts of the database's figures that other commands show, too.
#pragma once

#include "api/database.h"
#include "api/external.h"
#include "cli/invocation.h"
#include "cli/output.h"

namespace berth::cli {

// Lines of `berth instance show`.
void print_database(Output& output, const api::InstanceDatabase& told);

// What --host, --database, --user, --password-file and --type say; `database` and `user` where they are not given. `prefix`
// stands before their names: "--external-" for example. Throws Failure, UsageError.
loop::Task<api::ExternalDatabase> read_external(Invocation& invocation, std::string database,
                                                std::string user, std::string prefix);

}  // namespace berth::cli
