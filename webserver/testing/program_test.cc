// Bodies of program.h.
#include "webserver/testing/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <stdexcept>

#include "base/file.h"
#include "loop/process.h"
#include "net/listener.h"

namespace berth::webserver::testing {

Root::Root() {
  path_ = "/tmp/berth-webserver-root-XXXXXX";
  if (!::mkdtemp(path_.data())) throw std::runtime_error("mkdtemp");
  or_throw(make_directories(path_ + "/run/berth/apps"));
  listener_ = or_throw(net::listen_unix(path_ + "/run/berth/apps/control.sock", 0600));
}

Root::~Root() { (void)remove_tree(path_); }

Manager::Manager(const Root& root) {
  pollfd waiting{root.listener(), POLLIN, 0};
  if (::poll(&waiting, 1, 30000) != 1) throw std::runtime_error("the webserver does not connect");
  fd_ = UniqueFd(::accept4(root.listener(), nullptr, nullptr, SOCK_CLOEXEC));
  const timeval limit{30, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  hello_ = receive();
}

void Manager::send(const json::Object& message) {
  Bytes out;
  or_throw(control::append(out, message));
  or_throw(write_all(fd_.get(), as_text(out)));
}

json::Object Manager::receive() {
  for (;;) {
    if (auto message = or_throw(decoder_.next())) return std::move(*message);
    std::uint8_t bytes[65536];
    const auto got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) throw std::runtime_error("control: nothing came");
    decoder_.feed(ByteView(bytes, static_cast<std::size_t>(got)));
  }
}

json::Object Manager::ask(json::Object message) {
  send(message);
  return receive();
}

std::string Manager::link(std::size_t reactor) const {
  return std::string(hello_.at("linkSockets").as_array().at(reactor).as_string());
}

Program::Program(const Root& root, std::vector<std::string> arguments,
                 std::vector<std::pair<int, int>> descriptors)
    : log_(root.path() + "/output.log") {
  loop::SpawnOptions options;
  const char* other = std::getenv("BERTH_WEBSERVER");  // of another build, to measure
  options.program = other ? other : BERTH_BIN "/berth-webserver";
  options.arguments = {"--root", root.path()};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  const UniqueFd output(::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  options.descriptors = {{output.get(), 1}, {output.get(), 2}};
  options.descriptors.insert(options.descriptors.end(), descriptors.begin(), descriptors.end());
  pid_ = or_throw(loop::spawn(options));
}

Program::~Program() {
  if (pid_ < 0) return;
  kill(SIGKILL);
  wait();
}

void Program::kill(int signal) const { ::kill(pid_, signal); }

int Program::wait() {
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) throw std::runtime_error("waitpid");
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

json::Object grant_of(const std::string& path, char digit) {
  return {{"grant", std::string(64, digit)}, {"path", path}, {"uid", ::getuid()}};
}

link::Grant secret_of(char digit) {
  const auto bytes = parse_hex(std::string(64, digit));
  link::Grant secret{};
  std::copy(bytes->begin(), bytes->end(), secret.begin());
  return secret;
}

}  // namespace berth::webserver::testing
