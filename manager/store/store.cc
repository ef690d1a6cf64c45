#include "manager/store/store.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/sync.h"
#include "manager/platform/clock.h"
#include "wire/json/json.h"
#include "wire/minisign/minisign.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr auto kFresh = 15min;
constexpr std::uint64_t kIconLimit = 1 << 20;
constexpr std::uint64_t kSignatureLimit = 4096;

// SHA-256 of content that comes in pieces.
class Hasher {
 public:
  Hasher() : context_(::EVP_MD_CTX_new()) {
    BERTH_CHECK(::EVP_DigestInit_ex(context_, ::EVP_sha256(), nullptr) == 1);
  }
  ~Hasher() { ::EVP_MD_CTX_free(context_); }
  Hasher(const Hasher&) = delete;
  void update(std::string_view part) {
    BERTH_CHECK(::EVP_DigestUpdate(context_, part.data(), part.size()) == 1);
  }
  std::string hex() {
    Bytes digest(32);
    unsigned size = 0;
    BERTH_CHECK(::EVP_DigestFinal_ex(context_, digest.data(), &size) == 1);
    return format_hex(digest);
  }

 private:
  EVP_MD_CTX* context_;
};

Task<std::optional<std::string>> fetch_text(StoreSource& source, std::string path, SourceLimits limits) {
  std::string text;
  std::function<void(std::string_view)> sink = [&text](std::string_view part) { text += part; };
  const bool found = co_await source.fetch(path, limits, std::move(sink));
  if (!found) co_return std::nullopt;
  co_return text;
}

// Removes a half-made folder unless told to keep it.
struct FolderGuard {
  std::string folder;
  bool keep = false;
  ~FolderGuard() {
    if (!keep) (void)remove_tree(folder);  // what cannot be removed is emptied by the next download
  }
};

}  // namespace

Store::Store(loop::Loop& loop, net::HttpClient& http, std::string cache,
             std::function<StoreOptions()> options)
    : loop_(loop), http_(http), cache_(std::move(cache)), options_(std::move(options)), one_fetch_(loop, 1) {}

Result<std::string> Store::check_signature(std::string_view index, std::string_view signature) const {
  const auto options = options_();
  if (options.keys.empty())
    return fail(Errc::kDenied, "no public key of this store is trusted: set storeKeys");
  BERTH_TRY(auto parsed, minisign::parse_signature(signature));
  for (const auto& text : options.keys) {
    auto key = minisign::parse_public_key(text);
    if (!key) return tl::unexpected(std::move(key.error()).within("storeKeys"));
    if (key->id != parsed.id) continue;
    BERTH_TRY(auto comment, minisign::verify(*key, index, signature));
    return minisign::format_key_id(key->id);
  }
  return fail(Errc::kDenied, "the index is signed with key {}, which is not trusted here",
              minisign::format_key_id(parsed.id));
}

Result<void> Store::check_signer(const std::string& signer) const {
  if (!signer.empty() || options_().allow_unsigned) return {};
  return fail(Errc::kDenied, "the store's index is not signed: only developer mode takes unsigned apps");
}

Task<StoreState> Store::read_package_index(StoreSource& source) { return read_index(source, false); }

Task<StoreState> Store::read_index(StoreSource& source, bool keep) {
  const auto options = options_();
  const auto text = co_await fetch_text(source, "apps.json", {options.index_limit, options.stall});
  if (!text) throw_failure(Errc::kNotFound, "not found: {}", source.describe("apps.json"));
  const auto signature = co_await fetch_text(source, "apps.json.minisig", {kSignatureLimit, options.stall});
  StoreState state;
  if (signature) state.signer = or_throw(check_signature(*text, *signature));
  std::vector<std::string> problems;
  state.index = or_throw(parse_store_index(*text, &problems));
  for (const auto& problem : problems) log_warning("store entry left out", {{"why", problem}});
  state.fetched = utc_now();
  state.place = options.place;
  if (keep && !cache_.empty()) save_cache(*text, signature.value_or(""));
  co_return state;
}

void Store::save_cache(const std::string& index, const std::string& signature) {
  const json::Object about{{"place", options_().place}, {"fetched", utc_now()}};
  auto saved = make_directories(cache_, 0700);
  if (saved) saved = write_file_durably(cache_ + "/apps.json", index, 0600);
  if (saved) saved = write_file_durably(cache_ + "/apps.json.minisig", signature, 0600);
  if (saved) saved = write_file_durably(cache_ + "/about.json", json::serialize(about), 0600);
  if (!saved) log_warning("store index not kept for offline use", {{"error", saved.error().detail}});
}

void Store::load_cache() {
  if (std::exchange(cache_loaded_, true) || cache_.empty()) return;
  const auto about = read_file(cache_ + "/about.json", 1 << 16);
  const auto text = read_file(cache_ + "/apps.json", options_().index_limit);
  if (!about || !text) return;
  const auto object = json::parse_object(*about);
  auto index = parse_store_index(*text);
  if (!object || !index) return;
  const auto signature = read_file(cache_ + "/apps.json.minisig", kSignatureLimit);
  state_.index = std::move(*index);
  state_.place = json::get_string(*object, "place");
  state_.fetched = json::get_string(*object, "fetched");
  state_.signer.clear();
  if (signature && !signature->empty())
    if (auto signer = check_signature(*text, *signature)) state_.signer = *signer;
}

Task<const StoreState*> Store::get(bool refresh) {
  const auto permit = co_await one_fetch_.acquire();
  load_cache();
  const auto options = options_();
  const bool same = state_.place == options.place;
  const bool fetched = fetched_at_ != loop::TimePoint{};
  if (!refresh && same && fetched && state_.error.empty() && loop_.now() - fetched_at_ < kFresh)
    co_return &state_;
  std::optional<Error> error;
  try {
    auto source = or_throw(open_source(loop_, http_, options.place));
    state_ = co_await read_index(*source, true);
    fetched_at_ = loop_.now();
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (!error) co_return &state_;
  if (!same || state_.fetched.empty()) {
    state_ = StoreState{};
    state_.place = options.place;
    throw Failure(*error);
  }
  state_.error = error->detail;
  state_.error_code = error->code;
  fetched_at_ = loop_.now();
  co_return &state_;
}

Task<DownloadedPackage> Store::download(std::string id, std::string version, std::string folder,
                                        std::function<void(std::uint64_t)> progress) {
  const auto* state = co_await get(false);
  if (!state->index.find(id)) state = co_await get(true);
  const auto* entry = state->index.find(id);
  if (!entry) throw_failure(Errc::kNotFound, "the store has no app \"{}\"", id);
  const auto* wanted = find_version(*entry, version);
  if (!wanted) throw_failure(Errc::kNotFound, "the store has no version \"{}\" of {}", version, entry->title);
  or_throw(check_signer(state->signer));
  auto source = or_throw(open_source(loop_, http_, state->place));
  const std::string signer = state->signer;
  co_return co_await download_from(*source, *entry, *wanted, signer, folder, std::move(progress),
                                   DebugFiles::kLeave);
}

Task<DownloadedPackage> Store::download_from(StoreSource& source, StoreEntry entry, StoreVersionEntry version,
                                             std::string signer, std::string folder,
                                             std::function<void(std::uint64_t)> progress, DebugFiles debug) {
  const auto options = options_();
  const std::string arch = own_architecture();
  const auto files = or_throw(package_files(entry, version, arch, debug));
  if (!signer.empty() && version.sha256.empty())
    throw_failure(Errc::kMalformed, "the signed index gives no hashes for {} {}", entry.title, version.label);
  or_throw(remove_tree(folder));
  FolderGuard guard{folder};
  or_throw(make_directories(folder, 0700));
  DownloadedPackage package;
  package.folder = folder;
  package.program = entry.binary;
  package.signer = signer;
  std::size_t done = 0;
  for (const auto& file : files) {
    const std::string target = folder + "/" + file.name;
    UniqueFd fd(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) throw Failure(errno_error(errno, "open " + target));
    Hasher hasher;
    std::uint64_t size = 0;
    std::string head;
    const auto announced = version.sizes.find(fmt::format("{}/{}", arch, file.name));
    const std::uint64_t expected = announced == version.sizes.end() ? 0 : announced->second;
    std::function<void(std::string_view)> sink = [&](std::string_view part) {
      hasher.update(part);
      size += part.size();
      if (head.size() < 64) head += part.substr(0, 64 - head.size());
      or_throw(write_all(fd.get(), part));
      if (progress)
        progress((done * 100 + (expected ? std::min<std::uint64_t>(99, size * 100 / expected) : 50)) /
                 files.size());
    };
    std::string path = file.path;
    bool found = co_await source.fetch(path, {options.file_limit, options.stall}, sink);
    if (!found && file.name == entry.binary && !path.ends_with(".bin")) {
      path += ".bin";  // as older stores name it
      found = co_await source.fetch(path, {options.file_limit, options.stall}, sink);
    }
    if (!found) {
      if (file.is_required)
        throw_failure(Errc::kNotFound, "not found in the store: {}", source.describe(file.path));
      fd.reset();
      ::unlink(target.c_str());
      ++done;
      continue;
    }
    if (::fsync(fd.get()) != 0) throw Failure(errno_error(errno, "write " + target));
    const std::string hash = hasher.hex();
    if (!file.sha256.empty() && hash != file.sha256)
      throw_failure(Errc::kDenied,
                    "{} is not what the store's index promises: SHA-256 is {} instead of {} ({} bytes came)",
                    source.describe(path), hash, file.sha256, size);
    if (file.name == entry.binary) {
      auto machine = architecture_of(head);
      if (!machine) throw Failure(std::move(machine.error()).within(source.describe(path)));
      if (*machine != arch)
        throw_failure(Errc::kUnsupported, "{} is for {} machines, this is {}", source.describe(path),
                      *machine, arch);
    }
    package.files.push_back({file.name, file.name == entry.binary ? mode_t{0755} : mode_t{0644}, size, hash});
    ++done;
  }
  guard.keep = true;
  co_return package;
}

Task<std::optional<std::string>> Store::icon(std::string id) {
  load_cache();
  const auto* entry = state_.index.find(id);
  if (!entry || entry->versions.empty()) co_return std::nullopt;
  const auto files = package_files(*entry, entry->versions.front(), own_architecture());
  std::string path, expected;
  if (files) {
    for (const auto& file : *files)
      if (file.name == entry->binary + ".png") {
        path = file.path;
        expected = file.sha256;
      }
  }
  if (path.empty()) co_return std::nullopt;
  const std::string kept = fmt::format("{}/{}-{}.png", cache_, id, entry->versions.front().build);
  if (auto present = read_file(kept, kIconLimit)) co_return std::move(*present);
  std::optional<std::string> content;
  try {
    auto source = or_throw(open_source(loop_, http_, state_.place));
    content = co_await fetch_text(*source, path, {kIconLimit, 10s});
  } catch (const Failure& failure) {
    BERTH_LOG(kHttpClient, "no icon", {"app", id}, {"error", failure.error().detail});
  }
  if (!content || (!expected.empty() && sha256_hex(*content) != expected)) co_return std::nullopt;
  if (auto saved = write_file_durably(kept, *content, 0600); !saved)
    BERTH_LOG(kFile, "icon not kept", {"error", saved.error().detail});
  co_return content;
}

}  // namespace berth::manager
