// The program itself, alone with a real webserver and a real PostgreSQL.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "db/testing/temporary_cluster.h"
#include "loop/process.h"
#include "loop/readiness.h"
#include "net/app_websocket_client.h"
#include "net/http_client.h"
#include "sdk/testing/fixture.h"
#include "wire/json/json.h"

namespace berth::sdk {
namespace {

class HelloAlone : public ::testing::Test {
 public:
  HelloAlone() {
    or_throw(write_file_durably(folder.path() + "/password", "book\n", 0600));
    int pipe_ends[2];
    BERTH_CHECK(::pipe2(pipe_ends, O_CLOEXEC) == 0);
    UniqueFd read_end(pipe_ends[0]), write_end(pipe_ends[1]);
    loop::SpawnOptions options;
    options.program = HELLO_PROGRAM;
    options.arguments = {"--port",
                         "0",
                         "--db",
                         db::format_conninfo(db::TemporaryCluster::shared().make_database()),
                         "--name",
                         "book",
                         "--domain",
                         "example.com",
                         "--password-file",
                         folder.path() + "/password"};
    options.descriptors = {{write_end.get(), 1}};
    process = or_throw(loop::ProcessWatch::make(loop, or_throw(loop::spawn(options))));
    write_end.reset();
    std::string printed;
    char buffer[1024];
    while (printed.find("hello.htm") == std::string::npos) {
      const auto got = ::read(read_end.get(), buffer, sizeof buffer);
      if (got <= 0) throw_failure(Errc::kFailed, "hello ended: {}", printed);
      printed.append(buffer, static_cast<std::size_t>(got));
    }
    const auto begin = printed.find("http://");
    url = printed.substr(begin, printed.find("/hello.htm") - begin);
  }
  ~HelloAlone() override {
    process->send_signal(SIGTERM);
    EXPECT_TRUE(loop::run_task(loop, process->wait()).is_success());
  }
  std::unique_ptr<net::AppWebsocketClient> log_in(std::string password) {
    net::AppCredentials credentials;
    credentials.app = "hello";
    credentials.password = std::move(password);
    return loop::run_task(
        loop, net::AppWebsocketClient::connect(loop, resolver, "ws" + url.substr(4), credentials));
  }
  net::HttpResponse fetch(const std::string& path) {
    net::HttpRequest request;
    request.url = url + path;
    return loop::run_task(loop, http.fetch(std::move(request)));
  }

  TemporaryFolder folder;
  loop::Loop loop;
  net::Resolver resolver{loop};
  net::HttpClient http{loop};
  std::unique_ptr<loop::ProcessWatch> process;
  std::string url;
};

TEST_F(HelloAlone, ServesPageLoginsRowsAndChangesInOneThread) {
  EXPECT_EQ(fetch("/hello.htm").status, 200);
  const auto one = log_in("book"), two = log_in("book");
  EXPECT_EQ(json::serialize(one->login_result()),
            R"({"mt":"AppLoginResult","app":"hello","domain":"example.com","ok":true})");
  loop::run_task(loop, two->request({{"mt", "ListEntries"}}));
  loop::run_task(loop, one->request({{"mt", "WriteEntry"}, {"words", "from outside"}}));
  const auto told = loop::run_task(loop, two->indication());
  EXPECT_EQ(json::get_string(*told, "mt"), "EntryWritten");
  EXPECT_EQ(fetch("/count").body, R"({"entries":1})");
  const auto status = or_throw(read_file(fmt::format("/proc/{}/status", process->pid())));
  EXPECT_NE(status.find("Threads:\t1\n"), std::string::npos);
}

TEST_F(HelloAlone, RefusesAWrongPassword) {
  try {
    log_in("wrong");
    FAIL() << "logged in";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kDenied);
    EXPECT_NE(failure.error().detail.find("wrong password"), std::string::npos) << failure.error().detail;
  }
}

}  // namespace
}  // namespace berth::sdk
