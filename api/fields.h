// How a plain struct says which members it has on the wire. Everything else (JSON in both
// directions, TypeScript, JSON Schema) is derived from this list.
//
//   struct Disk {
//     static constexpr std::string_view kName = "Disk";
//     std::uint64_t total_bytes = 0;
//     static constexpr auto fields() { return std::tuple(field("totalBytes", &Disk::total_bytes)); }
//   };
//
// A message has `kMt` (its `mt`) in place of `kName`; a request names its answer: `using Answer = …`.
// Member types: bool, integers, double, std::string, Password, Json, enums with Words, other structs,
// and std::optional or std::vector of these.
#pragma once

#include <array>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "base/result.h"

namespace berth::api {

template <class Owner, class T>
struct Field {
  std::string_view name;
  T Owner::* member;
  bool required;
};

// Must be there when read, unless the member is a std::optional.
template <class Owner, class T>
constexpr Field<Owner, T> field(std::string_view name, T Owner::* member) {
  return {name, member, true};
}

// May be absent when read: the member then keeps the value of its initializer. Always written.
template <class Owner, class T>
constexpr Field<Owner, T> with_default(std::string_view name, T Owner::* member) {
  return {name, member, false};
}

// The words of an enum whose values count from 0. Specialise:
//   template <> struct Words<Severity> {
//     static constexpr std::string_view kName = "Severity";
//     static constexpr std::array<std::string_view, 3> kList = {"ok", "warning", "error"};
//   };
template <class E>
struct Words;

template <class E>
concept Worded = std::is_enum_v<E> && requires { Words<E>::kList; };

template <class T>
concept Fielded = requires { T::fields(); };

template <class T>
concept Message = Fielded<T> && requires { T::kMt; };

template <class T>
concept Request = Message<T> && requires { typename T::Answer; };

template <Worded E>
constexpr std::string_view word_of(E value) {
  return Words<E>::kList[static_cast<std::size_t>(value)];
}

template <Worded E>
constexpr std::optional<E> parse_word(std::string_view word) {
  for (std::size_t i = 0; i < Words<E>::kList.size(); ++i)
    if (Words<E>::kList[i] == word) return static_cast<E>(i);
  return std::nullopt;
}

// Name of the type in TypeScript and JSON Schema: its kName, or else its `mt`.
template <Fielded T>
constexpr std::string_view type_name() {
  if constexpr (requires { T::kName; }) return T::kName;
  else return T::kMt;
}

}  // namespace berth::api
