#include "net/testing/smtp_server.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>

#include "base/bytes.h"
#include "base/file.h"
#include "net/tls.h"

namespace berth::net::test {

bool has_smtp_server() { return std::system("/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null") == 0; }

SmtpServer::SmtpServer(std::string folder, std::string mode) : folder_(std::move(folder)) {
  or_throw(make_directories(folder_));
  const auto made = make_self_signed({"127.0.0.1"});
  fingerprint_ = made.fingerprint;
  or_throw(write_file_durably(certificate_file(), made.certificate_pem));
  or_throw(write_file_durably(folder_ + "/key.pem", made.key_pem, 0600));
  const auto command = fmt::format("exec /usr/bin/python3 {} {} {} {} {} 2>/dev/null", BERTH_SMTP_SERVER,
                                   folder_, mode, certificate_file(), folder_ + "/key.pem");
  output_ = ::popen(command.c_str(), "r");
  int pid = 0;
  if (!output_ || std::fscanf(output_, "%d %d", &port_, &pid) != 2)
    throw_failure(Errc::kFailed, "the mail server does not start");
  pid_ = pid;
}

SmtpServer::~SmtpServer() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
  if (output_) ::pclose(output_);
}

std::vector<json::Object> SmtpServer::mails() const {
  std::vector<json::Object> list;
  for (int number = 1;; ++number) {
    const auto text = read_file(fmt::format("{}/{}.json", folder_, number));
    if (!text) return list;
    list.push_back(or_throw(json::parse_object(*text)));
  }
}

}  // namespace berth::net::test
