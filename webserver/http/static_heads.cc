#include "webserver/http/static_heads.h"

#include <algorithm>

#include "webserver/relay/routes.h"

namespace berth::webserver {
namespace {

bool is_plain(const http1::RequestHead& request) {
  return std::ranges::none_of(request.headers, [](const auto& field) {
    return field.first == "range" || field.first.starts_with("if-");
  });
}

}  // namespace

const StaticHeads::Head* StaticHeads::find(const http1::RequestHead& request, const Attach& attach,
                                           const StaticFile& file) {
  if (!is_plain(request)) return nullptr;
  const Key key{&attach, file.entry, accepted_codings(request.headers), file.is_immutable};
  constexpr std::size_t kMix = 0x9e3779b97f4a7c15;
  const auto place =
      (reinterpret_cast<std::size_t>(key.entry) / alignof(static_pack::Entry) + key.codings) * kMix;
  auto& slot = slots_[place >> 56];
  if (slot && slot->key == key) return &slot->head;

  auto answer = answer_static(request, file);
  answer.headers.insert(answer.headers.end(), attach.files.headers.begin(), attach.files.headers.end());
  auto text = http1::format_response_head(answer.status, answer.headers);
  if (!text) return nullptr;
  text->resize(text->size() - 2);  // the blank line
  slot = std::make_unique<Slot>(Slot{key, {std::move(answer.headers), std::move(*text), answer.body}});
  return &slot->head;
}

}  // namespace berth::webserver
