#include "api/typescript.h"

#include <fmt/format.h>

#include "api/all.h"

namespace berth::api {
namespace {

template <class T>
std::string type_of() {
  if constexpr (std::is_same_v<T, bool>) return "boolean";
  else if constexpr (std::is_arithmetic_v<T>) return "number";
  else if constexpr (std::is_same_v<T, std::string>) return "string";
  else if constexpr (std::is_same_v<T, Password>) return "Password";
  else if constexpr (std::is_same_v<T, Json>) return "unknown";
  else if constexpr (Worded<T>) return std::string(Words<T>::kName);
  else if constexpr (detail::IsOptional<T>::value) return type_of<typename T::value_type>();
  else if constexpr (detail::IsVector<T>::value) return type_of<typename T::value_type>() + "[]";
  else return std::string(type_name<T>());
}

template <Worded E>
void write_words(std::string& out) {
  out += fmt::format("export type {} = \"{}\";\n", Words<E>::kName, fmt::join(Words<E>::kList, "\" | \""));
}

template <Fielded T>
void write_members(std::string& out) {
  const auto write = [&]<class Owner, class M>(const Field<Owner, M>& field) {
    // Who asks may leave out what has a default; who answers always tells it.
    const bool optional = detail::IsOptional<M>::value || (Request<T> && !field.required);
    out += fmt::format("  {}{}: {};\n", field.name, optional ? "?" : "", type_of<M>());
  };
  std::apply([&](const auto&... field) { (write(field), ...); }, T::fields());
}

template <Fielded T>
void write_object(std::string& out) {
  out += fmt::format("\nexport interface {} {{\n", type_name<T>());
  write_members<T>(out);
  out += "}\n";
}

template <Message T>
void write_message(std::string& out, bool is_answer) {
  out += fmt::format("\nexport interface {} {{\n  mt: \"{}\";\n  src?: string;\n", type_name<T>(), T::kMt);
  if (is_answer) out += "  error?: string;\n  errorCode?: ErrorCode;\n";
  write_members<T>(out);
  out += "}\n";
}

template <class... T>
void write_all_words(std::string& out, TypeList<T...>) {
  (write_words<T>(out), ...);
}
template <class... T>
void write_all_objects(std::string& out, TypeList<T...>) {
  (write_object<T>(out), ...);
}
template <class T>
void write_request(std::string& out) {
  write_message<T>(out, false);
  write_message<typename T::Answer>(out, true);
}
template <class... T>
void write_all_requests(std::string& out, TypeList<T...>) {
  (write_request<T>(out), ...);
  out += "\n// By `mt`: what to send and what comes back.\nexport interface Requests {\n";
  ((out += fmt::format("  {}: {{ request: {}; answer: {} }};\n", T::kMt, type_name<T>(),
                       type_name<typename T::Answer>())),
   ...);
  out += "}\n";
}
template <class... T>
void write_all_indications(std::string& out, TypeList<T...>) {
  (write_message<T>(out, false), ...);
  out +=
      "\n// By `mt`: what comes unasked, under the src of what was subscribed to.\nexport interface "
      "Indications {\n";
  ((out += fmt::format("  {}: {};\n", T::kMt, type_name<T>())), ...);
  out += "}\n";
}

}  // namespace

std::string format_typescript() {
  std::string out =
      "// Made by build/bin/generate_api from api/*.h. Do not edit: change the C++ structs, then run\n"
      "// build/bin/generate_api --typescript ui/manager/api.ts\n\n"
      "export type ErrorCode = \"";
  for (int code = 0; code <= static_cast<int>(Errc::kFailed); ++code)
    out += fmt::format("{}{}", code ? "\" | \"" : "", name_of(static_cast<Errc>(code)));
  out +=
      "\";\n"
      "// Plain text, or encrypted with the session key by the seed `key`.\n"
      "export type Password = string | { value: string; key: string };\n";
  write_all_words(out, AllWords());
  write_all_objects(out, AllObjects());
  write_all_requests(out, AllRequests());
  write_all_indications(out, AllIndications());
  return out;
}

}  // namespace berth::api
