#pragma once

#include <string>

namespace berth::api {

// JSON Schema (draft 2020-12) with one definition for every type of api/all.h; the root accepts any
// request, answer or indication.
std::string format_json_schema();

}  // namespace berth::api
