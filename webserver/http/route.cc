// From a request head to the attach that answers it.
#include "base/log.h"
#include "webserver/http/exchange.h"
#include "webserver/http/fields.h"
#include "webserver/http/static_answer.h"
#include "webserver/reactor.h"
#include "webserver/relay/paths.h"
#include "wire/websocket/deflate.h"

namespace berth::webserver {
namespace {

constexpr std::string_view kAllowed =
    "GET, HEAD, POST, PUT, DELETE, OPTIONS, PROPFIND, PROPPATCH, MOVE, COPY, MKCOL, LOCK, UNLOCK";

// 0: not one of ours.
std::uint16_t method_of(std::string_view name) {
  static constexpr std::pair<std::string_view, link::Method> kMethods[] = {{"GET", link::kGet},
                                                                           {"HEAD", link::kGet},
                                                                           {"POST", link::kPost},
                                                                           {"PUT", link::kPut},
                                                                           {"PROPFIND", link::kPropfind},
                                                                           {"MOVE", link::kMove},
                                                                           {"COPY", link::kCopy},
                                                                           {"MKCOL", link::kMkcol},
                                                                           {"DELETE", link::kDelete},
                                                                           {"OPTIONS", link::kOptions},
                                                                           {"LOCK", link::kLock},
                                                                           {"UNLOCK", link::kUnlock},
                                                                           {"PROPPATCH", link::kProppatch}};
  for (const auto& [known, method] : kMethods)
    if (name == known) return method;
  return 0;
}

}  // namespace

void Exchange::start_request(const http1::RequestHead& head) {
  auto& reactor = connection_.reactor();
  ++reactor.counters().requests;
  began_ = reactor.loop().now();
  is_head_ = head.method == "HEAD";
  if (reactor.writes_access_log()) {
    // Without the query: keys, tokens and one-time addresses stand there.
    const auto query = head.target.find('?');
    log_line_ = fmt::format("{} {}{}", head.method, head.target.substr(0, query),
                            query == std::string::npos ? "" : "?...");
  }
  state_ = State::kAnswering;

  const auto limit = static_cast<std::uint64_t>(reactor.limits().body_bytes);
  if (head.framing == http1::Framing::kLength && head.content_length > limit)
    return respond(413, fmt::format("The body is larger than {} bytes.", limit));
  if (head.method == "CONNECT" || head.method == "TRACE")
    return respond(405, "This server is no proxy.", {{"allow", std::string(kAllowed)}});
  const auto method = method_of(head.method);
  if (method == 0) return respond(501, "The method is not known.");
  const auto target = parse_target(head.target);
  if (!target) return respond(400, "The request target is malformed.");
  if (target->path == "*") {
    if (method != link::kOptions) return respond(400, "The request target is malformed.");
    return respond(200, "", {{"allow", std::string(kAllowed)}});
  }
  if (!reactor.is_configured()) return respond(503, "The platform is starting.", {{"retry-after", "1"}});
  if (reactor.redirects_https() && !connection_.is_tls() && reactor.https_port() != 0)
    return redirect_to_https(head, *target);
  route(head, *target, method);
}

void Exchange::route(const http1::RequestHead& head, const Target& target, std::uint16_t method) {
  auto& reactor = connection_.reactor();
  if (head.wants_websocket && route_websocket(head, target)) return;
  if (only_websocket_) return answer_unrouted(target.path);
  const auto* node = reactor.routes().find_http(target.path);
  if (!node) return answer_unrouted(target.path);
  if (auto* files = node->of(link::Kind::kStatic)) {
    const auto relative = relative_to(target.path, files->path);
    const auto file = find_static(*files->pack, relative, files->files.build);
    if (file.entry) {
      if (method == link::kGet && files->files.redirects_pages && redirect_to_build(*files, target, relative))
        return;
      if (method == link::kGet && request_done_) return respond_file(*files, head, file);
      if (!node->of(link::Kind::kHttp) && method == link::kGet)
        return respond(400, "A request for a file has no body.");
      if (!node->of(link::Kind::kHttp))
        return respond(405, "Files can only be read.", {{"allow", "GET, HEAD"}});
    }
  }
  if (auto* http = node->of(link::Kind::kHttp)) return open_http(head, *http, target, method);
  if (auto* raw = node->of(link::Kind::kPassthrough)) return open_passthrough(*raw, target, method);
  respond(404, "There is no such file.");
}

bool Exchange::redirect_to_build(const Attach& files, const Target& target, std::string_view relative) {
  const auto query = target.query.empty() ? "" : fmt::format("?{}", target.query);
  auto place = redirect_of(files.files, files.path, relative, query);
  if (!place) return false;
  auto headers = files.files.headers;
  headers.emplace_back("location", std::move(*place));
  headers.emplace_back("cache-control", "no-cache");
  respond(302, "The page of the running build is there.", std::move(headers));
  return true;
}

bool Exchange::route_websocket(const http1::RequestHead& head, const Target& target) {
  auto& reactor = connection_.reactor();
  const auto* node = reactor.routes().find_websocket(target.path);
  if (!node) return false;
  auto* attach = node->of(link::Kind::kWebsocket);
  if (!attach) {
    open_passthrough(*node->of(link::Kind::kPassthrough), target, link::kGet);
    return true;
  }
  const auto checked = check_websocket(head);
  if (checked && request_done_) {
    open_websocket(head, *attach, target);
  } else if (!checked && checked.error().code == Errc::kUnsupported) {
    respond(426, checked.error().detail, {{"sec-websocket-version", "13"}, {"upgrade", "websocket"}});
  } else {
    respond(400, checked ? "A WebSocket request has no body." : checked.error().detail);
  }
  return true;
}

void Exchange::answer_unrouted(std::string_view path) {
  auto& reactor = connection_.reactor();
  // Granted but not attached: its service is starting, or is being started again.
  const auto granted = reactor.grants().covering(path);
  if (!granted.empty() && !reactor.routes().has_below(granted))
    return respond(503, "The app is starting.", {{"retry-after", "1"}});
  respond(404, "Nothing is here.");
}

void Exchange::redirect_to_https(const http1::RequestHead& head, const Target& target) {
  auto host = std::string(head.host());
  if (host.empty()) return respond(400, "Host is missing.");
  const auto colon = host.rfind(':');
  if (colon != host.npos && host.find(']', colon) == host.npos) host.resize(colon);
  const auto port = connection_.reactor().https_port();
  respond(308, "Use https.",
          {{"location", fmt::format("https://{}{}{}", host, port == 443 ? "" : fmt::format(":{}", port),
                                    target.origin())}});
}

link::Open Exchange::make_open(Attach& attach, const Target& target, std::uint16_t method) {
  link::Open open;
  open.attach = attach.id;
  open.kind = attach.kind;
  open.bits =
      static_cast<std::uint8_t>((connection_.is_tls() ? link::kOpenTls : 0) |
                                (is_head_ ? link::kOpenHead : 0) | (request_done_ ? 0 : link::kOpenHasBody));
  open.method = method;
  if (peer_.empty()) peer_ = connection_.peer_text();
  open.peer = peer_;
  open.target = target.origin();
  open.relative = relative_to(target.path, attach.path);
  return open;
}

void Exchange::refuse_open(const Error& error) {
  if (error.code == Errc::kTooLarge) return respond(431, "The head is too large for the app.");
  respond(503, "The app is overloaded.", {{"retry-after", "1"}});
}

void Exchange::open_http(const http1::RequestHead& head, Attach& attach, const Target& target,
                         std::uint16_t method) {
  auto open = make_open(attach, target, method);
  open.headers = without_hop_by_hop(head.headers);
  std::erase_if(open.headers, [](const auto& field) { return field.first == "expect"; });
  const auto opened = connection_.open_stream(attach, open);
  if (!opened) return refuse_open(opened.error());
  state_ = request_done_ ? State::kAnswering : State::kBody;
  if (!request_done_)
    pace_.begin(milliseconds(connection_.reactor().limits().stall_ms), connection_.reactor().loop().now());
  if (!request_done_ && head.expects_continue) send_continue();
  begin_body(head);
  if (connection_.is_open() && !connection_.has_unsent()) restart_deadline();
}

void Exchange::open_websocket(const http1::RequestHead& head, Attach& attach, const Target& target) {
  if (attach.deflates && connection_.reactor().limits().deflate_bytes > 0)
    extensions_ =
        websocket::accept_deflate(join_values(head.headers, "sec-websocket-extensions")).value_or("");
  auto open = make_open(attach, target, link::kGet);
  open.headers = without_hop_by_hop(head.headers);
  const auto opened = connection_.open_stream(attach, open);
  if (!opened) return refuse_open(opened.error());
  state_ = State::kUpgrading;
  restart_deadline();
}

}  // namespace berth::webserver
