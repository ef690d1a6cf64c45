// Other implementations of TLS as clients: openssl(1), GnuTLS, NSS, Node and Go. What is not installed is skipped.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "webserver/testing/installed.h"
#include "webserver/testing/program.h"

namespace berth::webserver::testing {
namespace {

constexpr int kPatienceMs = 30000;

// A program with its input and output (both kinds) in our hands.
class Command {
 public:
  explicit Command(const std::vector<std::string>& words) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::dup2(out[1], 2);
      std::vector<char*> arguments;
      for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    input_ = UniqueFd(in[1]);
    output_ = UniqueFd(out[0]);
  }
  ~Command() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  void write(std::string_view text) {
    if (::write(input_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("the command does not read");
  }
  void end_input() { input_.reset(); }
  // Waits for `text` behind what was waited for before.
  void wait_for(std::string_view text) {
    for (;;) {
      const auto at = said_.find(text, seen_);
      if (at != said_.npos) {
        seen_ = at + text.size();
        return;
      }
      if (!read()) throw std::runtime_error(fmt::format("no '{}' in: {}", text, said_.substr(0, 3000)));
    }
  }
  const std::string& read_all() {
    while (read()) {}
    return said_;
  }

 private:
  bool read() {
    pollfd poll{output_.get(), POLLIN, 0};
    if (::poll(&poll, 1, kPatienceMs) != 1) throw std::runtime_error("the command says nothing: " + said_);
    char more[65536];
    const auto got = ::read(output_.get(), more, sizeof more);
    if (got > 0) said_.append(more, static_cast<std::size_t>(got));
    return got > 0;
  }
  pid_t pid_ = -1;
  UniqueFd input_, output_;
  std::string said_;
  std::size_t seen_ = 0;
};

const std::string kRequest = "GET /missing HTTP/1.1\r\nHost: localhost\r\n\r\n";
const std::string kLast = "GET /s/large.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

// A server with a file of 1 MB that ends with "the end".
struct Site {
  TestServer server{{.tls = true}};
  ServicePeer service{server.link_path()};
  Site() {
    const auto pack = make_pack({{"large.txt", std::string(1'000'000, 'x') + "the end"}});
    service.attach_static(1, "/s", server.grant("/s"), pack);
  }
  std::string port() const { return std::to_string(server.https()); }
};

TEST(ForeignTls, OpensslTalksAndUpdatesKeysWithEverySuite) {
  if (!is_installed("openssl")) GTEST_SKIP() << "openssl is not installed";
  Site site;
  for (const auto* suite :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    SCOPED_TRACE(suite);
    Command client({"openssl", "s_client", "-connect", "127.0.0.1:" + site.port(), "-servername", "localhost",
                    "-tls1_3", "-ciphersuites", suite});
    client.wait_for("Cipher is " + std::string(suite));
    client.write(kRequest);
    client.wait_for("404 Not Found");
    for (const auto* letter : {"k\n", "K\n", "K\n"}) {  // k: its own keys; K: asks for ours as well
      client.write(letter);
      client.wait_for("KEYUPDATE");
      client.write(kRequest);
      client.wait_for("404 Not Found");
    }
    client.write(kLast);
    client.wait_for("the end");
    client.wait_for("closed");
  }
}

TEST(ForeignTls, OpensslTalksOverTls12) {
  if (!is_installed("openssl")) GTEST_SKIP() << "openssl is not installed";
  Site site;
  Command client({"openssl", "s_client", "-connect", "127.0.0.1:" + site.port(), "-tls1_2"});
  client.wait_for("Protocol  : TLSv1.2");
  client.write(kRequest);
  client.wait_for("404 Not Found");
  client.write(kLast);
  client.wait_for("the end");
}

TEST(ForeignTls, GnutlsTalksAndUpdatesKeysWithEverySuite) {
  if (!is_installed("gnutls-cli")) GTEST_SKIP() << "gnutls-cli is not installed";
  Site site;
  for (const auto* cipher : {"AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"}) {
    SCOPED_TRACE(cipher);
    Command client({"gnutls-cli", "--no-ca-verification", "--inline-commands", "--priority",
                    fmt::format("NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+{}", cipher), "-p", site.port(),
                    "localhost"});
    client.wait_for("- Simple Client Mode:");
    client.write(kRequest);
    client.wait_for("404 Not Found");
    client.write("^rekey^\n");
    client.write(kRequest);
    client.wait_for("404 Not Found");
    client.write(kLast);
    client.wait_for("the end");
    client.wait_for("Peer has closed the GnuTLS connection");
  }
}

TEST(ForeignTls, NssTalks) {
  if (!is_installed("tstclnt")) GTEST_SKIP() << "tstclnt is not installed";
  Site site;
  Command client({"tstclnt", "-D", "-o", "-h", "localhost", "-p", site.port(), "-V", "tls1.3:tls1.3", "-4"});
  client.write(kRequest + kLast);
  client.wait_for("404 Not Found");
  client.wait_for("the end");
}

// Go's crypto/tls, an implementation of its own: each version, resumption, requests in many sizes on one connection.
TEST(ForeignTls, GoTalksAndResumes) {
  if (!is_installed("go")) GTEST_SKIP() << "go is not installed";
  Site site;
  const Root root;
  const auto source = root.path() + "/client.go";
  std::ofstream(source) << R"(
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func fail(what ...interface{}) { fmt.Println(what...); os.Exit(1) }

func get(port string, config *tls.Config) tls.ConnectionState {
	connection, err := tls.Dial("tcp", "127.0.0.1:"+port, config)
	if err != nil { fail("dial:", err) }
	defer connection.Close()
	answers := bufio.NewReader(connection)
	for i := 0; i < 20; i++ {
		request := "GET /s/large.txt HTTP/1.1\r\nHost: localhost\r\nX-Padding: " + strings.Repeat("x", i*i*40) + "\r\n\r\n"
		if _, err := connection.Write([]byte(request)); err != nil { fail("write:", err) }
		answer, err := http.ReadResponse(answers, nil)
		if err != nil { fail("answer:", err) }
		body, err := io.ReadAll(answer.Body)
		if err != nil || len(body) != 1000007 || !strings.HasSuffix(string(body), "the end") { fail("body:", len(body), err) }
	}
	return connection.ConnectionState()
}

func main() {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", MinVersion: version, MaxVersion: version,
			ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		first, second := get(os.Args[1], config), get(os.Args[1], config)
		fmt.Printf("version %x %x resumed %v %v\n", first.Version, second.Version, first.DidResume, second.DidResume)
	}
}
)";
  // Its cache of what it has compiled is thrown away with the rest; nothing is fetched.
  Command client({"env", "GO111MODULE=off", "GOFLAGS=", "GOCACHE=" + root.path() + "/cache", "go", "run",
                  source, site.port()});
  client.wait_for("version 303 303 resumed false true");
  client.wait_for("version 304 304 resumed false true");
}

// Node speaks with OpenSSL's library, on its own buffers: uploads and downloads in many sizes at once.
TEST(ForeignTls, NodeSendsAndReceivesInManySizes) {
  if (!is_installed("node")) GTEST_SKIP() << "node is not installed";
  Site site;
  Command client({"node", "-e",
                  fmt::format(R"(
    const tls = require('tls');
    let left = 20;
    for (let i = 0; i < 20; i++) {{
      const socket = tls.connect({{port: {}, host: '127.0.0.1', rejectUnauthorized: false}}, () => {{
        let sent = 'GET /s/large.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
        for (let at = 0; at < sent.length; at += i + 1) socket.write(sent.slice(at, at + i + 1));
      }});
      let size = 0, tail = '';
      socket.on('data', (data) => {{ size += data.length; tail = (tail + data.toString('latin1')).slice(-7); }});
      socket.on('error', (error) => console.log('error', error.message));
      socket.on('end', () => {{
        if (size > 1000007 && tail === 'the end') left--;
        if (left === 0) console.log('all came', socket.getProtocol());
      }});
    }})",
                              site.port())});
  client.wait_for("all came TLSv1.3");
}

}  // namespace
}  // namespace berth::webserver::testing
