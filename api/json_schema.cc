#include "api/json_schema.h"

#include "api/all.h"
#include "api/pretty.h"

namespace berth::api {
namespace {

Json text_json(std::string_view text) { return Json(boost::json::string_view(text.data(), text.size())); }
Json reference(std::string_view name) { return JsonObject{{"$ref", fmt::format("#/$defs/{}", name)}}; }

template <class T>
Json schema_of() {
  if constexpr (std::is_same_v<T, bool>) {
    return JsonObject{{"type", "boolean"}};
  } else if constexpr (std::is_integral_v<T>) {
    JsonObject schema{{"type", "integer"}};
    if (std::is_unsigned_v<T>) schema["minimum"] = 0;
    return schema;
  } else if constexpr (std::is_same_v<T, double>) {
    return JsonObject{{"type", "number"}};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return JsonObject{{"type", "string"}};
  } else if constexpr (std::is_same_v<T, Password>) {
    return reference("Password");
  } else if constexpr (std::is_same_v<T, Json>) {
    return JsonObject();
  } else if constexpr (Worded<T>) {
    return reference(Words<T>::kName);
  } else if constexpr (detail::IsOptional<T>::value) {
    return schema_of<typename T::value_type>();
  } else if constexpr (detail::IsVector<T>::value) {
    return JsonObject{{"type", "array"}, {"items", schema_of<typename T::value_type>()}};
  } else {
    return reference(type_name<T>());
  }
}

template <Worded E>
void define_words(JsonObject& definitions) {
  boost::json::array words;
  for (const auto word : Words<E>::kList) words.push_back(text_json(word));
  definitions[Words<E>::kName] = JsonObject{{"enum", std::move(words)}};
}

template <Fielded T>
void define_object(JsonObject& definitions) {
  JsonObject properties;
  boost::json::array required;
  if constexpr (Message<T>) {
    properties["mt"] = JsonObject{{"const", text_json(T::kMt)}};
    properties["src"] = JsonObject{{"type", "string"}};
    required.push_back("mt");
  }
  const auto add = [&]<class Owner, class M>(const Field<Owner, M>& field) {
    properties[field.name] = schema_of<M>();
    if (field.required && !detail::IsOptional<M>::value) required.push_back(text_json(field.name));
  };
  std::apply([&](const auto&... field) { (add(field), ...); }, T::fields());
  definitions[type_name<T>()] = JsonObject{
      {"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}

template <class... T>
void define_all_words(JsonObject& definitions, TypeList<T...>) {
  (define_words<T>(definitions), ...);
}
template <class... T>
void define_all(JsonObject& definitions, TypeList<T...>) {
  (define_object<T>(definitions), ...);
}
template <class... T>
void define_answers(JsonObject& definitions, TypeList<T...>) {
  (define_object<typename T::Answer>(definitions), ...);
}
template <class... T>
void refer_to_all(boost::json::array& choices, TypeList<T...>) {
  (choices.push_back(reference(type_name<T>())), ...);
}
template <class... T>
void refer_to_answers(boost::json::array& choices, TypeList<T...>) {
  (choices.push_back(reference(type_name<typename T::Answer>())), ...);
}

// What comes in place of an answer's members (docs/protocols/manager.md).
Json failure_schema() {
  boost::json::array words;
  for (int code = 0; code <= static_cast<int>(Errc::kFailed); ++code)
    words.push_back(text_json(name_of(static_cast<Errc>(code))));
  return JsonObject{{"type", "object"},
                    {"properties", JsonObject{{"mt", JsonObject{{"type", "string"}}},
                                              {"src", JsonObject{{"type", "string"}}},
                                              {"error", JsonObject{{"type", "string"}}},
                                              {"errorCode", JsonObject{{"enum", std::move(words)}}}}},
                    {"required", boost::json::array{"mt", "error", "errorCode"}}};
}

}  // namespace

std::string format_json_schema() {
  JsonObject definitions;
  definitions["Password"] =
      JsonObject{{"oneOf", boost::json::array{
                               JsonObject{{"type", "string"}},
                               JsonObject{{"type", "object"},
                                          {"properties", JsonObject{{"value", JsonObject{{"type", "string"}}},
                                                                    {"key", JsonObject{{"type", "string"}}}}},
                                          {"required", boost::json::array{"value", "key"}}}}}};
  definitions["Failure"] = failure_schema();
  define_all_words(definitions, AllWords());
  define_all(definitions, AllObjects());
  define_all(definitions, AllRequests());
  define_answers(definitions, AllRequests());
  define_all(definitions, AllIndications());

  boost::json::array choices;
  refer_to_all(choices, AllRequests());
  refer_to_answers(choices, AllRequests());
  refer_to_all(choices, AllIndications());
  choices.push_back(reference("Failure"));
  return format_pretty(JsonObject{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                                  {"title", "Berth admin messages"},
                                  {"anyOf", std::move(choices)},
                                  {"$defs", std::move(definitions)}});
}

}  // namespace berth::api
