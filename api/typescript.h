#pragma once

#include <string>

namespace berth::api {

// The whole of `ui/manager/api.ts`: a type for every type of api/all.h, and the maps `Requests`
// (mt → request and answer) and `Indications` (mt → message).
std::string format_typescript();

}  // namespace berth::api
