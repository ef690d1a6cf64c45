// A guest book: the example of docs/app-developer.md.
#pragma once

#include <string>

#include "berth/app_service.h"
#include "db/database.h"

namespace berth::hello {

class HelloInstance : public sdk::AppInstance {
 public:
  using AppInstance::AppInstance;
  std::span<const sdk::SchemaFile> schema() const override;
  loop::Task<void> started() override;
  loop::Task<void> received(sdk::AppSession& session, sdk::Message message) override;
  void closed(sdk::AppSession& session) override;

 private:
  loop::Task<void> list(sdk::AppSession& session, sdk::Message request);
  loop::Task<void> write(sdk::AppSession& session, sdk::Message request);
  loop::Task<void> count(sdk::HttpRequest& request, sdk::HttpResponse& response);

  sdk::Subscribers readers_;
};

}  // namespace berth::hello
