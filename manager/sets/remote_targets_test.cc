// Targets on other machines, against real servers on loopback: OpenSSH's, and rclone's WebDAV.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "loop/process.h"
#include "loop/testing/failure_of.h"
#include "manager/sets/ssh_key.h"
#include "manager/sets/target_kinds.h"
#include "wire/sealed/sealed_file.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class RemoteTargets : public testing::Test {
 protected:
  RemoteTargets() {
    ::signal(SIGPIPE, SIG_IGN);
    set_log_sink([](LogLevel, std::string_view) {});
    char name[] = "/tmp/berth-remote-XXXXXX";
    folder_ = ::mkdtemp(name);
    layout_.root = layout_.shown = folder_ + "/root";
    or_throw(make_directories(layout_.run()));
    or_throw(make_directories(folder_ + "/far"));
  }
  ~RemoteTargets() override {
    (void)remove_tree(folder_);
    set_log_sink(nullptr);
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }
  loop::CommandResult command(std::string program, std::vector<std::string> arguments,
                              std::string input = "") {
    loop::CommandOptions options;
    options.spawn.program = std::move(program);
    options.spawn.arguments = std::move(arguments);
    options.input = std::move(input);
    return run(loop::run_command(loop_, std::move(options)));
  }
  std::unique_ptr<Target> open(const TargetRow& row) { return open_target(loop_, http_, layout_, row, 60s); }
  // What any target must be able to do.
  void expect_to_work(const TargetRow& row) {
    const auto target = open(row);
    run(target->test(false));
    const std::string text = random_hex(700'000);
    run(target->store("set1", "Grüße@example.com.dump",
                      [&](BackupSink& sink) -> Task<void> { co_await sink.write(text); }));
    const auto objects = run(target->list("set1", ""));
    ASSERT_EQ(objects.size(), 1u);
    TextSink memory;
    run(target->fetch(objects[0], memory));
    EXPECT_TRUE(memory.text == text);
    run(target->fetch_to_file(objects[0], folder_ + "/file"));
    EXPECT_TRUE(read_file(folder_ + "/file").value() == text);
    run(target->remove({objects[0].id}));
    EXPECT_TRUE(run(target->list("", "")).empty());
  }

  loop::Loop loop_;
  net::HttpClient http_{loop_};
  std::string folder_;
  Layout layout_;
};

// One sshd a connection, as inetd would start it.
class SshServer {
 public:
  SshServer(std::string folder, const std::string& authorized) : folder_(std::move(folder)) {
    if (::geteuid() == 0) (void)make_directories("/run/sshd", 0755);
    const auto key = make_ssh_key("host");
    host_key = key.public_key.substr(0, key.public_key.rfind(' '));
    or_throw(write_file_durably(folder_ + "/host_key", key.private_key, 0600));
    or_throw(write_file_durably(folder_ + "/authorized", authorized + "\n", 0600));
    or_throw(write_file_durably(
        folder_ + "/sshd_config",
        fmt::format("HostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized\nUsePAM no\nPidFile "
                    "none\nStrictModes no\nPasswordAuthentication no\nSubsystem sftp "
                    "internal-sftp\nPermitRootLogin yes\n",
                    folder_)));
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    BERTH_CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                ::listen(listener_.get(), 8) == 0 &&
                ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~SshServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    for (const pid_t child : children_) ::waitpid(child, nullptr, 0);
  }
  int port = 0;
  std::string host_key;

 private:
  void serve() {
    for (;;) {
      const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      loop::SpawnOptions options;
      options.program = "/usr/sbin/sshd";
      options.arguments = {"-i", "-e", "-f", folder_ + "/sshd_config"};
      options.descriptors = {{client.get(), 0}, {client.get(), 1}};
      const UniqueFd log(
          ::open((folder_ + "/sshd.log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
      options.descriptors.emplace_back(log.get(), 2);
      children_.push_back(or_throw(loop::spawn(options)));
    }
  }
  std::string folder_;
  UniqueFd listener_;
  std::vector<pid_t> children_;
  std::thread thread_;
};

TEST_F(RemoteTargets, AnSshKeyIsOneThatOpenSshReads) {
  const auto key = make_ssh_key("berth-backup");
  ASSERT_TRUE(write_file_durably(folder_ + "/key", key.private_key, 0600));
  const auto told = command("/usr/bin/ssh-keygen", {"-y", "-f", folder_ + "/key"});
  EXPECT_EQ(trim(told.output), key.public_key) << told.errors;
}

TEST_F(RemoteTargets, SftpWorksWithTheServersKeyPinned) {
  if (!path_exists("/usr/sbin/sshd")) GTEST_SKIP() << "needs openssh-server";
  TargetRow row;
  row.name = "far";
  row.kind = "sftp";
  row.place = fmt::format("sftp://{}@127.0.0.1:1{}/far", ::getpwuid(::geteuid())->pw_name, folder_);
  row.options["hostKey"] = "ssh-ed25519 AAAAnot-yet-known";
  ASSERT_TRUE(complete_target(row, layout_, {}));
  ASSERT_THAT(row.options["publicKey"], HasSubstr("ssh-ed25519 AAAA"));
  SshServer server(folder_, row.options["publicKey"]);
  row.place =
      fmt::format("sftp://{}@127.0.0.1:{}{}/far", ::getpwuid(::geteuid())->pw_name, server.port, folder_);
  row.options["hostKey"] = server.host_key;
  expect_to_work(row);
  EXPECT_TRUE(path_exists(folder_ + "/far/config"));

  auto other_host = row;
  other_host.options["hostKey"] = make_ssh_key("").public_key;
  const auto imposter = loop::failure_of(loop_, open(other_host)->prepare(true));
  EXPECT_EQ(imposter.code, Errc::kDenied) << imposter.detail;
  EXPECT_THAT(imposter.detail, HasSubstr("another host key"));

  auto revoked = row;
  revoked.secrets["privateKey"] = make_ssh_key("").private_key;
  const auto denied = loop::failure_of(loop_, open(revoked)->prepare(true));
  EXPECT_EQ(denied.code, Errc::kDenied) << denied.detail;
  EXPECT_THAT(denied.detail, HasSubstr("refuses us"));

  auto gone = row;
  gone.place = fmt::format("sftp://{}@127.0.0.1:1{}/far", ::getpwuid(::geteuid())->pw_name, folder_);
  EXPECT_EQ(loop::failure_of(loop_, open(gone)->prepare(true)).code, Errc::kUnavailable);
  EXPECT_FALSE(path_exists(layout_.run() + "/backup-")) << "no secret stays";
}

TEST_F(RemoteTargets, WebdavWorksByRclone) {
  if (!path_exists("/usr/bin/rclone")) GTEST_SKIP() << "needs rclone";
  loop::SpawnOptions options;
  options.program = "/usr/bin/rclone";
  options.arguments = {"serve",  "webdav", folder_ + "/far", "--addr", "127.0.0.1:0",
                       "--user", "me",     "--pass",         "secret"};
  options.environment =
      std::vector<std::string>{"PATH=/usr/bin:/bin", "RCLONE_CONFIG=/dev/null", "HOME=/nonexistent"};
  const std::string log = folder_ + "/rclone.log";
  const UniqueFd log_fd(::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  options.descriptors = {{log_fd.get(), 2}};
  const pid_t server = or_throw(loop::spawn(options));
  struct Guard {
    pid_t pid;
    ~Guard() {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  } const guard{server};
  std::string url;
  ASSERT_TRUE(loop_.run_until(
      [&] {
        const auto text = read_file(log).value_or("");
        const auto at = text.find("http://");
        if (at != std::string::npos) url = text.substr(at, text.find_first_of("]\n ", at) - at);
        return !url.empty();
      },
      30s));
  TargetRow row;
  row.name = "web";
  row.kind = "webdav";
  row.place = url;
  row.options["user"] = "me";
  row.secrets["password"] = "secret";
  ASSERT_TRUE(complete_target(row, layout_, {}));
  expect_to_work(row);
  auto revoked = row;
  revoked.secrets["password"] = "another";
  const auto refused = loop::failure_of(loop_, open(revoked)->prepare(true));
  EXPECT_EQ(refused.code, Errc::kUnavailable);
  EXPECT_THAT(refused.detail, HasSubstr("are user and password right?"));

  // The same server as a drop box.
  TargetRow box;
  box.name = "box";
  box.kind = "dropbox";
  box.place = url + "dropped/";
  box.options["user"] = "me";
  box.secrets["password"] = "secret";
  ASSERT_TRUE(complete_target(box, layout_, {}));
  const std::string private_key = box.secrets.at(kToldOnce);
  const auto target = open(box);
  run(target->test(false));
  const auto stored = run(target->store("set1", "Grüße@example.com.dump", [](BackupSink& sink) -> Task<void> {
    co_await sink.write("the ");
    co_await sink.write("data");
  }));
  const auto sealed_bytes = read_file(folder_ + "/far/dropped/set1/Grüße@example.com.dump.sealed").value();
  EXPECT_EQ(sealed_bytes.find("data"), std::string::npos);
  auto unsealer = sealed::Unsealer::make(private_key).value();
  EXPECT_EQ(unsealer.add(sealed_bytes).value() + unsealer.finish().value(), "the data");
  EXPECT_FALSE(target->can_read());
  EXPECT_EQ(loop::failure_of(loop_, target->remove({stored.id})).code, Errc::kUnsupported);
  box.secrets["password"] = "another";
  EXPECT_EQ(loop::failure_of(loop_, open(box)->test(false)).code, Errc::kDenied);
}

TEST_F(RemoteTargets, WhatIsMissingOrWrongIsToldBeforeAnythingIsTried) {
  struct Case {
    const char* kind;
    const char* place;
    std::map<std::string, std::string> options;
    const char* says;
  };
  const Case cases[] = {
      {"ftp", "ftp://x/y", {}, "there are: directory, sftp, s3, webdav, dropbox"},
      {"directory", "backup", {}, "the folder's whole path"},
      {"sftp", "sftp://host/path", {}, "the user is missing"},
      {"sftp", "sftp://me@host", {}, "no path"},
      {"sftp", "sftp://me@host/path", {}, "ssh-keyscan -t ed25519 host"},
      {"sftp", "sftp://me@-oProxyCommand=x/path", {{"hostKey", "ssh-ed25519 AAAA"}}, "no host"},
      {"sftp", "sftp://me@host/pa th", {{"hostKey", "ssh-ed25519 AAAA"}}, "blanks"},
      {"sftp",
       "sftp://me:secret@host/path",
       {{"hostKey", "ssh-ed25519 AAAA"}},
       "a password does not belong there"},
      {"s3", "https://host/", {{"accessKey", "a"}}, "the bucket is missing"},
      {"s3", "https://host/bucket", {}, "needs accessKey"},
      {"s3", "https://host/bucket", {{"accessKey", "a"}}, "the password is missing"},
      {"webdav", "dav://host/", {}, "another kind of address"},
      {"webdav", "https://host/dav", {{"user", "me"}}, "the password is missing"},
  };
  for (const auto& one : cases) {
    TargetRow row;
    row.name = "far";
    row.kind = one.kind;
    row.place = one.place;
    row.options = one.options;
    const auto done = complete_target(row, layout_, {});
    ASSERT_FALSE(done) << one.place;
    EXPECT_THAT(done.error().detail, HasSubstr(one.says)) << one.kind << " " << one.place;
  }
}

}  // namespace
}  // namespace berth::manager
