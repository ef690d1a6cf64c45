// External databases of MySQL and MariaDB: what external_database.h does for PostgreSQL. The row that says whose it is
// stands in table berth_fence_owner.
#pragma once

#include <string>

#include "manager/external/external_database.h"

namespace berth::manager {

Task<ExternalCheck> check_mysql(loop::Loop& loop, ExternalPlace place, std::string platform);
Task<void> claim_mysql(loop::Loop& loop, ExternalPlace place, std::string platform, std::string name,
                       bool take_over);
Task<void> release_mysql(loop::Loop& loop, ExternalPlace place, std::string platform);

}  // namespace berth::manager
