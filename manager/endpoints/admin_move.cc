#include "manager/endpoints/admin.h"

namespace berth::manager {

void Admin::add_move() {
  on<api::MoveInstance>(
      [this](api::MoveInstance message, AdminRequest& request) -> Task<api::MoveInstanceResult> {
        MoveTarget to;
        to.url = message.to.url;
        to.password = or_throw(request.peer.open_secret(message.to.password));
        to.fingerprint = message.to.fingerprint.value_or("");
        to.verify = !message.to.insecure;
        co_return or_throw(co_await parts_.move_jobs.move(message.name, message.domain, std::move(to),
                                                          message.check_only, request.peer.who()));
      });
  on<api::EndForward>([this](api::EndForward message, AdminRequest&) -> Task<api::EndForwardResult> {
    co_await parts_.move_jobs.end_forward(message.name, message.domain);
    co_return api::EndForwardResult{};
  });
  on<api::UndoMove>([this](api::UndoMove message, AdminRequest&) -> Task<api::UndoMoveResult> {
    co_await parts_.move_jobs.undo(message.name, message.domain);
    co_return api::UndoMoveResult{};
  });
  on<api::PrepareArrival>(
      [this](api::PrepareArrival message, AdminRequest& request) -> Task<api::PrepareArrivalResult> {
        ArrivalRequest arrival;
        arrival.by = request.peer.who();
        if (message.password) arrival.password = or_throw(request.peer.open_secret(*message.password));
        if (message.database_password)
          arrival.database_password = or_throw(request.peer.open_secret(*message.database_password));
        arrival.told = std::move(message);
        co_return co_await parts_.arrivals.prepare(std::move(arrival));
      });
  on<api::StartArrival>([this](api::StartArrival message, AdminRequest&) -> Task<api::StartArrivalResult> {
    co_await parts_.arrivals.start(message.name, message.domain, message.token);
    co_return api::StartArrivalResult{};
  });
  on<api::ConfirmArrival>(
      [this](api::ConfirmArrival message, AdminRequest&) -> Task<api::ConfirmArrivalResult> {
        co_await parts_.arrivals.confirm(message.name, message.domain, message.token);
        co_return api::ConfirmArrivalResult{};
      });
  on<api::AbandonArrival>(
      [this](api::AbandonArrival message, AdminRequest& request) -> Task<api::AbandonArrivalResult> {
        co_await parts_.arrivals.abandon(message.name, message.domain, message.token, request.peer.who());
        co_return api::AbandonArrivalResult{};
      });
}

}  // namespace berth::manager
