#include "manager/database/instance_database.h"
#include "manager/endpoints/admin.h"
#include "manager/endpoints/external_place.h"
#include "manager/external/host.h"

namespace berth::manager {

ExternalPlace to_place(const AdminPeer& peer, const api::ExternalDatabase& told) {
  const auto type = parse_database_type(told.type);
  if (!type) throw_failure(Errc::kMalformed, "type \"{}\": postgresql or mysql is expected", told.type);
  (void)or_throw(parse_database_host(told.host, default_port_of(*type)));
  if (told.database.empty() || told.user.empty())
    throw_failure(Errc::kMalformed, "the name of the database and of its user are needed");
  ExternalPlace place{*type, told.host, told.database, told.user, ""};
  if (told.password) place.password = or_throw(peer.open_secret(*told.password));
  return place;
}

void Admin::add_external() {
  on<api::TestDatabase>(
      [this](api::TestDatabase message, AdminRequest& request) -> Task<api::TestDatabaseResult> {
        api::TestDatabaseResult result;
        try {
          const auto told = co_await parts_.externals.check(to_place(request.peer, message.external));
          result.ok = true;
          result.server = told.server;
          result.encrypted = told.is_encrypted;
          result.tables = told.tables;
          if (!told.owner.empty()) result.owner = told.owner;
          if (!told.remark.empty()) result.remark = told.remark;
        } catch (const Failure& failure) {
          result.reason = failure.error().detail;
          result.code = std::string(name_of(failure.error().code));
        }
        co_return result;
      });
  on<api::UseDatabase>(
      [this](api::UseDatabase message, AdminRequest& request) -> Task<api::UseDatabaseResult> {
        UseExternal wanted;
        wanted.name = message.name;
        wanted.domain = message.domain;
        if (message.external) wanted.place = to_place(request.peer, *message.external);
        wanted.move = message.move;
        wanted.take_over = message.take_over;
        wanted.by = request.peer.who();
        api::UseDatabaseResult result;
        result.job = or_throw(co_await parts_.external_jobs.use(std::move(wanted)));
        co_return result;
      });
  on<api::TakeOverDatabase>(
      [this](api::TakeOverDatabase message, AdminRequest&) -> Task<api::TakeOverDatabaseResult> {
        co_await parts_.external_jobs.take_over(message.name, message.domain);
        co_return api::TakeOverDatabaseResult{};
      });
  on<api::GetSqlRecipe>([](api::GetSqlRecipe message, AdminRequest&) -> Task<api::GetSqlRecipeResult> {
    or_throw(check_database_name(message.database));
    or_throw(check_database_name(message.user));
    const auto type = parse_database_type(message.type);
    if (!type) throw_failure(Errc::kMalformed, "type \"{}\": postgresql or mysql is expected", message.type);
    const InstanceDatabaseNames names{message.database, message.user};
    api::GetSqlRecipeResult result;
    result.sql = *type == DatabaseType::kMysql ? mysql_recipe(names) : sql_recipe(names);
    co_return result;
  });
}

}  // namespace berth::manager
