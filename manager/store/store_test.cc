#include "manager/store/store.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "net/http_client.h"
#include "net/listener.h"
#include "net/stream.h"
#include "wire/minisign/minisign.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

// A program for `machine` in ELF (elf(5)), with something behind its header.
std::string program_for(int machine, std::string_view content) {
  std::string bytes(
      "\x7f"
      "ELF\x02\x01",
      6);
  bytes.resize(18, '\0');
  bytes += static_cast<char>(machine & 0xff);
  bytes += static_cast<char>(machine >> 8);
  bytes += content;
  return bytes;
}
int own_machine() { return own_architecture() == "x86_64" ? 62 : 183; }

// One file of a store and how the server misbehaves with it.
struct Served {
  std::string body;
  std::size_t cut = std::string::npos;  // close after so many bytes, though all were announced
  bool stalls = false;                  // say nothing after the head
  int status = 200;
};

// A web server that serves a map, and can lie.
class LyingServer {
 public:
  explicit LyingServer(loop::Loop& loop) : loop_(loop), tasks_(loop, "server") {
    listener_ = or_throw(net::Listener::tcp(loop_, net::Address::loopback(0)));
    tasks_.spawn(accept());
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/store", listener_->address().port()); }
  std::map<std::string, Served> files;

 private:
  Task<void> accept() {
    for (;;) {
      UniqueFd fd = co_await listener_->accept();
      tasks_.spawn(serve(std::make_unique<net::Stream>(loop_, std::move(fd))));
    }
  }
  Task<void> serve(std::unique_ptr<net::Stream> stream) {
    std::string head;
    Bytes buffer(4096);
    while (head.find("\r\n\r\n") == std::string::npos) {
      const auto got = co_await stream->read(buffer);
      if (got == 0) co_return;
      head.append(reinterpret_cast<const char*>(buffer.data()), got);
    }
    const std::string path(split(head, ' ')[1]);
    const auto found = files.find(path.substr(std::string_view("/store/").size()));
    std::string answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    bool stalls = false;
    if (found != files.end()) {
      const auto& file = found->second;
      answer = fmt::format("HTTP/1.1 {} OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", file.status,
                           file.body.size());
      stalls = file.stalls;
      if (!stalls) answer += file.body.substr(0, file.cut);
    }
    co_await stream->write(std::move(answer));
    if (stalls) co_await loop::sleep_for(loop_, 1h);
  }
  loop::Loop& loop_;
  std::unique_ptr<net::Listener> listener_;
  loop::TaskGroup tasks_;
};

class StoreTest : public testing::Test {
 protected:
  StoreTest() : http_(loop_), server_(loop_), key_(minisign::make_secret_key()) {
    set_log_sink([](LogLevel, std::string_view) {});
    char name[] = "/tmp/berth-store-XXXXXX";
    directory_ = ::mkdtemp(name);
    options_.place = server_.url();
    options_.keys = {minisign::format_public_key(key_.public_key())};
    options_.stall = 1s;
    store_ = make_store();
    binary_ = program_for(own_machine(), std::string(200'000, 'n'));
    publish(binary_, binary_);
  }
  ~StoreTest() override {
    set_log_sink(nullptr);
    (void)remove_tree(directory_);
  }
  std::unique_ptr<Store> make_store() {
    return std::make_unique<Store>(loop_, http_, directory_ + "/cache", [this] { return options_; });
  }
  // The index promises `promised`, the server gives `given`.
  void publish(const std::string& promised, const std::string& given, bool is_signed = true) {
    const std::string arch = own_architecture();
    index_ = fmt::format(
        R"({{"apps":[{{"id":"notes","folder":"notes","binary":"notes","title":"Notes","versions":[{{"id":"1.0","build":"1a","label":"1.0","sha256":{{"{0}/notes":"{1}","{0}/notes.png":"{2}"}}}}]}}]}})",
        arch, sha256_hex(promised), sha256_hex("PNG"));
    server_.files["apps.json"] = {index_};
    server_.files.erase("apps.json.minisig");
    if (is_signed) server_.files["apps.json.minisig"] = {minisign::sign(key_, index_, "store")};
    server_.files["1a/" + arch + "/notes/notes"] = {given};
    server_.files["1a/" + arch + "/notes/notes.png"] = {"PNG"};
  }
  std::string binary_path() const { return "1a/" + own_architecture() + "/notes/notes"; }
  Task<DownloadedPackage> download() { return store_->download("notes", "", directory_ + "/package", {}); }
  // The refusal of a download, which must leave nothing behind.
  Error refusal() {
    Error error;
    try {
      loop::run_task(loop_, download());
      ADD_FAILURE() << "was not refused";
    } catch (const Failure& failure) {
      error = failure.error();
    }
    EXPECT_FALSE(path_exists(directory_ + "/package"));
    return error;
  }

  loop::Loop loop_;
  net::HttpClient http_;
  LyingServer server_;
  minisign::SecretKey key_;
  StoreOptions options_;
  std::string directory_, binary_, index_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, DownloadsAndVerifiesWhatTheIndexPromises) {
  const auto package = loop::run_task(loop_, download());
  ASSERT_EQ(package.files.size(), 2u);
  EXPECT_EQ(package.program, "notes");
  EXPECT_EQ(package.files[0].sha256, sha256_hex(binary_));
  EXPECT_EQ(package.files[0].mode, 0755u);
  EXPECT_EQ(read_file(package.folder + "/notes").value(), binary_);
  EXPECT_EQ(package.signer, minisign::format_key_id(key_.id));
}

TEST_F(StoreTest, AFolderIsAStoreToo) {
  for (const auto& [path, file] : server_.files) {
    const std::string target = directory_ + "/folder/" + path;
    ASSERT_TRUE(make_directories(target.substr(0, target.rfind('/'))));
    ASSERT_TRUE(write_file_durably(target, file.body));
  }
  options_.place = directory_ + "/folder";
  EXPECT_EQ(loop::run_task(loop_, download()).files.size(), 2u);
}

TEST_F(StoreTest, TheOlderNameWithBinIsFound) {
  const auto body = server_.files[binary_path()];
  server_.files.erase(binary_path());
  server_.files[binary_path() + ".bin"] = body;
  const auto package = loop::run_task(loop_, download());
  EXPECT_EQ(package.files[0].name, "notes");  // kept without the suffix
}

TEST_F(StoreTest, WrongHashIsRefusedWithBothValues) {
  std::string changed = binary_;
  changed[1000] ^= 1;
  publish(binary_, changed);
  const auto error = refusal();
  EXPECT_EQ(error.code, Errc::kDenied);
  EXPECT_NE(error.detail.find(sha256_hex(binary_)), std::string::npos) << error.detail;
}

TEST_F(StoreTest, TruncatedDownloadIsRefused) {
  server_.files[binary_path()].cut = 100'000;
  const auto error = refusal();
  EXPECT_NE(error.detail.find(binary_path()), std::string::npos) << error.detail;
}

TEST_F(StoreTest, StallingServerIsGivenUp) {
  server_.files[binary_path()].stalls = true;
  const auto error = refusal();
  EXPECT_EQ(error.code, Errc::kTimeout) << error.detail;
}

TEST_F(StoreTest, MissingFileIsNamed) {
  server_.files.erase(binary_path());
  const auto error = refusal();
  EXPECT_EQ(error.code, Errc::kNotFound);
  EXPECT_NE(error.detail.find(binary_path()), std::string::npos) << error.detail;
}

TEST_F(StoreTest, ProgramForAnotherMachineIsRefused) {
  const auto other = program_for(own_machine() == 62 ? 183 : 62, "x");
  publish(other, other);
  const auto error = refusal();
  EXPECT_EQ(error.code, Errc::kUnsupported);
  EXPECT_NE(error.detail.find(own_architecture()), std::string::npos) << error.detail;
}

TEST_F(StoreTest, ProgramThatIsNoneIsRefused) {
  publish("#!/bin/sh\n", "#!/bin/sh\n");
  EXPECT_EQ(refusal().code, Errc::kMalformed);
}

TEST_F(StoreTest, LargerThanAllowedIsRefused) {
  options_.file_limit = 100'000;
  EXPECT_EQ(refusal().code, Errc::kTooLarge);
}

TEST_F(StoreTest, UnsignedIndexOnlyInDeveloperMode) {
  publish(binary_, binary_, false);
  EXPECT_EQ(refusal().code, Errc::kDenied);
  options_.allow_unsigned = true;
  const auto package = loop::run_task(loop_, download());
  EXPECT_EQ(package.signer, "");
}

TEST_F(StoreTest, ForeignSignatureIsRefusedEvenInDeveloperMode) {
  options_.allow_unsigned = true;
  server_.files["apps.json.minisig"] = {minisign::sign(minisign::make_secret_key(), index_, "other")};
  EXPECT_EQ(refusal().code, Errc::kDenied);
}

TEST_F(StoreTest, ChangedIndexIsRefused) {
  server_.files["apps.json"].body += " ";
  EXPECT_EQ(refusal().code, Errc::kDenied);
}

TEST_F(StoreTest, OfflineGivesTheLastIndexAndSaysSo) {
  ASSERT_EQ(loop::run_task(loop_, store_->get(true))->index.apps.size(), 1u);
  server_.files["apps.json"].status = 500;
  const auto* old = loop::run_task(loop_, store_->get(true));
  EXPECT_EQ(old->index.apps.size(), 1u);
  EXPECT_NE(old->error.find("500"), std::string::npos) << old->error;
  // The next manager has it from the disk.
  store_ = make_store();
  const auto* kept = loop::run_task(loop_, store_->get(true));
  EXPECT_EQ(kept->index.apps.size(), 1u);
  EXPECT_EQ(kept->signer, minisign::format_key_id(key_.id));
  EXPECT_FALSE(kept->error.empty());
}

TEST_F(StoreTest, NeverReachedIsAFailureWithItsReason) {
  options_.place = "http://127.0.0.1:1/store";
  EXPECT_THROW(loop::run_task(loop_, store_->get(false)), Failure);
  options_.place = "ftp://x";
  EXPECT_THROW(loop::run_task(loop_, store_->get(false)), Failure);
  options_.place = "";
  try {
    loop::run_task(loop_, store_->get(false));
    ADD_FAILURE();
  } catch (const Failure& failure) {
    EXPECT_NE(failure.error().detail.find("storeUrl"), std::string::npos);
  }
}

}  // namespace
}  // namespace berth::manager
