#pragma once

#include <vector>

#include "db/migrate.h"

namespace berth::manager {

// The tables of database `manager`, in the order they were added. A released entry is never changed.
std::vector<db::Migration> manager_migrations();

}  // namespace berth::manager
