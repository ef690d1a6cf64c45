#include "api/json.h"

#include <gtest/gtest.h>

#include "api/all.h"

namespace berth::api {
namespace {

Json parse(std::string_view text) {
  return boost::json::parse(boost::json::string_view(text.data(), text.size()));
}

TEST(ApiJson, ReadsMembersAndIgnoresForeignOnes) {
  const auto message = parse_message<CreateInstance>(
      parse(R"({"mt":"CreateInstance","src":"7","service":"notes","name":"team","domain":"example.com",
                "path":null,"colour":"red"})")
          .get_object());
  ASSERT_TRUE(message) << message.error().detail;
  EXPECT_EQ(message->service, "notes");
  EXPECT_EQ(message->path, std::nullopt);
  EXPECT_TRUE(message->start) << "its default";
}

TEST(ApiJson, SaysWhereAMemberIsWrong) {
  struct Case {
    const char* text;
    const char* detail;
  };
  const Case cases[] = {
      {R"({"instances":[{"service":"n","name":"a","domain":"d","state":"running"},{"service":"n"}]})",
       "GetInstancesResult: instances[1].name: is missing"},
      {R"({"instances":[{"service":"n","name":5,"domain":"d","state":"running"}]})",
       "GetInstancesResult: instances[0].name: expected a string"},
      {R"({"instances":{}})", "GetInstancesResult: instances: expected a list"},
      {R"({"instances":[{"service":"n","name":"a","domain":"d","state":"asleep"}]})",
       "GetInstancesResult: instances[0].state: expected one of: stopped starting running stopping failed "
       "crashed deleted"},
      {R"({"instances":[{"service":"n","name":"a","domain":"d","state":"running","sessions":-1}]})",
       "GetInstancesResult: instances[0].sessions: expected an integer from 0 to 18446744073709551615"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto message = parse_message<GetInstancesResult>(parse(c.text).get_object());
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().code, Errc::kMalformed);
    EXPECT_EQ(message.error().detail, c.detail);
  }
}

TEST(ApiJson, TakesWholeFloatingPointNumbersAsIntegers) {
  EXPECT_EQ(from_json<std::uint64_t>(parse("1e3")).value(), 1000u);
  EXPECT_EQ(from_json<int>(parse("-5.0")).value(), -5);
  EXPECT_FALSE(from_json<int>(parse("5.5")));
  EXPECT_FALSE(from_json<int>(parse("1e300")));
  EXPECT_FALSE(from_json<int>(parse("2147483648")));
}

TEST(ApiJson, WritesDefaultsButNotEmptyOptionals) {
  EXPECT_EQ(boost::json::serialize(format_message(DeleteInstance{"team", "example.com", false}, "4")),
            R"({"mt":"DeleteInstance","src":"4","name":"team","domain":"example.com","now":false})");
  EXPECT_EQ(boost::json::serialize(format_message(RestoreInstance{})),
            R"({"mt":"RestoreInstance","ontoExternal":false})");
}

TEST(ApiJson, PasswordsArePlainOrEncrypted) {
  EXPECT_EQ(from_json<Password>(parse(R"("pwd")")).value(), (Password{"pwd", ""}));
  EXPECT_EQ(from_json<Password>(parse(R"({"value":"b80a","key":"seed1"})")).value(),
            (Password{"b80a", "seed1"}));
  EXPECT_FALSE(from_json<Password>(parse(R"({"value":"b80a"})")));
  EXPECT_EQ(boost::json::serialize(to_json(Password{"b80a", "seed1"})), R"({"value":"b80a","key":"seed1"})");
}

TEST(ApiJson, WhatIsWrittenReadsTheSame) {
  Job job{.id = "17", .kind = JobKind::kRestore, .state = JobState::kFailed, .percent = 40, .error = "no"};
  job.result = parse(R"({"name":"team"})");
  const auto again = from_json<Job>(to_json(job));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(to_json(*again), to_json(job));
}

TEST(ApiMessage, TellsFailuresFromAnswers) {
  const auto failure = format_failure("GetJobResult", Error{Errc::kNotFound, "no job 9"}, "3");
  EXPECT_EQ(boost::json::serialize(failure),
            R"({"mt":"GetJobResult","src":"3","error":"no job 9","errorCode":"not_found"})");
  const auto answer = parse_answer<GetJobResult>(failure);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kNotFound);
  EXPECT_EQ(answer.error().detail, "no job 9");
  EXPECT_TRUE(parse_answer<SetSettingResult>(parse(R"({"mt":"SetSettingResult"})").get_object()));
}

TEST(ApiMessage, EveryErrorCodeHasAWord) {
  for (int code = 0; code <= static_cast<int>(Errc::kFailed); ++code)
    EXPECT_EQ(parse_error_code(name_of(static_cast<Errc>(code))), static_cast<Errc>(code));
  EXPECT_EQ(parse_error_code("from the future"), Errc::kFailed);
}

TEST(ApiMessage, RefusesAnEnvelopeWithoutType) {
  EXPECT_FALSE(parse_envelope(parse(R"({"src":"1"})").get_object()));
  EXPECT_FALSE(parse_envelope(parse(R"({"mt":"GetStatus","src":1})").get_object()));
  EXPECT_EQ(parse_envelope(parse(R"({"mt":"GetStatus"})").get_object())->src, std::nullopt);
}

// docs/protocols/manager.md: all members of Status stand beside the original's.
TEST(ApiMessage, PlatformInfoCarriesTheStatus) {
  AppPlatformInfoResult info;
  info.version = "0.1.0";
  info.platform = "x86_64";
  const auto object = format_message(info, "a");
  EXPECT_EQ(object.at("version"), "0.1.0");
  EXPECT_EQ(object.at("platform"), "x86_64");
  EXPECT_EQ(object.at("state"), "starting");
}

}  // namespace
}  // namespace berth::api
