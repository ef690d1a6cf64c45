// Names of the JSON types for headers that only pass them on.
#pragma once

#include <boost/json/fwd.hpp>

namespace berth::json {
using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;
}  // namespace berth::json
