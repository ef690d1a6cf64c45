// A TCP port for a server of a test's own that cannot be asked to take any.
#pragma once

namespace berth::db {

// Free on 127.0.0.1 now; a server that finds it taken a moment later fails to start. Throws Failure.
int find_free_port();

}  // namespace berth::db
