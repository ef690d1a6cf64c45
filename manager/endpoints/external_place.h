#pragma once

#include "manager/endpoints/admin.h"
#include "manager/external/external_database.h"

namespace berth::manager {

// What a message says of an external database. Throws Failure(kMalformed).
ExternalPlace to_place(const AdminPeer& peer, const api::ExternalDatabase& told);

}  // namespace berth::manager
