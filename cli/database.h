// Parts of the database's figures that other commands show, too.
#pragma once

#include "api/database.h"
#include "cli/output.h"

namespace berth::cli {

// Lines of `berth instance show`.
void print_database(Output& output, const api::InstanceDatabase& told);

}  // namespace berth::cli
