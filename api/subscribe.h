// Live state for the UI and for `berth … --wait`.
#pragma once

#include "api/instance.h"
#include "api/service.h"
#include "api/status.h"

namespace berth::api {

// The present state; changes follow under the same src.
struct SubscribeResult {
  static constexpr std::string_view kMt = "SubscribeResult";
  std::optional<Status> status;  // of the topics asked for
  std::vector<Service> services;
  std::vector<Instance> instances;
  std::vector<Job> jobs;
  static constexpr auto fields() {
    return std::tuple(
        field("status", &SubscribeResult::status), with_default("services", &SubscribeResult::services),
        with_default("instances", &SubscribeResult::instances), with_default("jobs", &SubscribeResult::jobs));
  }
};

struct Subscribe {
  static constexpr std::string_view kMt = "Subscribe";
  using Answer = SubscribeResult;
  std::vector<Topic> topics;
  static constexpr auto fields() { return std::tuple(field("topics", &Subscribe::topics)); }
};

// Topic store: ask GetStore again.
struct StoreChanged {
  static constexpr std::string_view kMt = "StoreChanged";
  static constexpr auto fields() { return std::tuple(); }
};

}  // namespace berth::api
