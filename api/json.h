// JSON ↔ structs with a field list (api/fields.h).
//
// Reading: members that the struct does not name are ignored, null counts as absent; an error names
// where it is: "instances[2].name: expected a string". Writing: empty optionals are left out.
#pragma once

#include <boost/json.hpp>
#include <limits>
#include <vector>

#include "api/fields.h"
#include "api/password.h"

namespace berth::api {

using Json = boost::json::value;
using JsonObject = boost::json::object;

template <class T>
Result<T> from_json(const Json& value);
template <class T>
Json to_json(const T& value);

namespace detail {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

inline Error at(std::string_view place, Error error) {
  const bool goes_on = error.detail.starts_with('[') || error.detail.starts_with('.');
  error.detail = fmt::format("{}{}{}", place, goes_on ? "" : ": ", error.detail);
  return error;
}

Result<Password> read_password(const Json& value);
Json write_password(const Password& password);

template <class T>
Result<T> read_integer(const Json& value) {
  // 1e3 or 5.0 are integers too for those who write JSON by floating point.
  if (const double* real = value.if_double(); real && *real >= -9007199254740992.0 &&
                                              *real <= 9007199254740992.0 &&
                                              *real == static_cast<double>(static_cast<std::int64_t>(*real)))
    return read_integer<T>(Json(static_cast<std::int64_t>(*real)));
  if (!value.is_int64() && !value.is_uint64()) return fail(Errc::kMalformed, "expected an integer");
  boost::json::error_code error;
  const T number = value.to_number<T>(error);
  if (error)
    return fail(Errc::kMalformed, "expected an integer from {} to {}", std::numeric_limits<T>::min(),
                std::numeric_limits<T>::max());
  return number;
}

template <class T>
Result<std::vector<T>> read_list(const Json& value) {
  const auto* array = value.if_array();
  if (!array) return fail(Errc::kMalformed, "expected a list");
  std::vector<T> list;
  list.reserve(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    auto element = from_json<T>((*array)[i]);
    if (!element) return tl::unexpected(at(fmt::format("[{}]", i), std::move(element.error())));
    list.push_back(std::move(*element));
  }
  return list;
}

template <class T, class Owner, class M>
bool read_field(const JsonObject& object, T& into, const Field<Owner, M>& field, Error& error) {
  const Json* value = object.if_contains(field.name);
  if (!value || value->is_null()) {
    if (!field.required || IsOptional<M>::value) return true;
    error = Error{Errc::kMalformed, fmt::format(".{}: is missing", field.name)};
    return false;
  }
  auto member = from_json<M>(*value);
  if (!member) {
    error = at(fmt::format(".{}", field.name), std::move(member.error()));
    return false;
  }
  into.*field.member = std::move(*member);
  return true;
}

template <class T>
Result<T> read_fields(const JsonObject& object) {
  T result;
  Error error;
  const bool good = std::apply(
      [&](const auto&... field) { return (read_field(object, result, field, error) && ...); }, T::fields());
  if (!good) return tl::unexpected(std::move(error));
  return result;
}

template <class T>
void write_fields(JsonObject& object, const T& value) {
  const auto write = [&](const auto& field) {
    const auto& member = value.*field.member;
    using M = std::decay_t<decltype(member)>;
    if constexpr (IsOptional<M>::value) {
      if (member) object[field.name] = to_json(*member);
    } else {
      object[field.name] = to_json(member);
    }
  };
  std::apply([&](const auto&... field) { (write(field), ...); }, T::fields());
}

}  // namespace detail

// Errors: kMalformed, with the place in the detail (it begins with "." or "[" below the top).
template <class T>
Result<T> from_json(const Json& value) {
  if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) return fail(Errc::kMalformed, "expected true or false");
    return value.get_bool();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) return fail(Errc::kMalformed, "expected a string");
    return std::string(value.get_string());
  } else if constexpr (std::is_same_v<T, double>) {
    if (!value.is_number()) return fail(Errc::kMalformed, "expected a number");
    return value.to_number<double>();
  } else if constexpr (std::is_integral_v<T>) {
    return detail::read_integer<T>(value);
  } else if constexpr (std::is_same_v<T, Password>) {
    return detail::read_password(value);
  } else if constexpr (Worded<T>) {
    const auto* text = value.if_string();
    const auto found = text ? parse_word<T>(*text) : std::nullopt;
    if (!found) return fail(Errc::kMalformed, "expected one of: {}", fmt::join(Words<T>::kList, " "));
    return *found;
  } else if constexpr (detail::IsOptional<T>::value) {
    if (value.is_null()) return T();
    BERTH_TRY(auto inner, from_json<typename T::value_type>(value));
    return T(std::move(inner));
  } else if constexpr (detail::IsVector<T>::value) {
    return detail::read_list<typename T::value_type>(value);
  } else {
    static_assert(Fielded<T>, "no JSON form for this type");
    const auto* object = value.if_object();
    if (!object) return fail(Errc::kMalformed, "expected an object");
    return detail::read_fields<T>(*object);
  }
}

template <class T>
Json to_json(const T& value) {
  if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    return Json(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return Json(boost::json::string_view(value.data(), value.size()));
  } else if constexpr (std::is_same_v<T, Password>) {
    return detail::write_password(value);
  } else if constexpr (Worded<T>) {
    const auto word = word_of(value);
    return Json(boost::json::string_view(word.data(), word.size()));
  } else if constexpr (detail::IsOptional<T>::value) {
    return value ? to_json(*value) : Json(nullptr);
  } else if constexpr (detail::IsVector<T>::value) {
    boost::json::array array;
    array.reserve(value.size());
    for (const auto& element : value) array.push_back(to_json(element));
    return array;
  } else {
    static_assert(Fielded<T>, "no JSON form for this type");
    JsonObject object;
    detail::write_fields(object, value);
    return object;
  }
}

}  // namespace berth::api
