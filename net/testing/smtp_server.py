"""A real mail server for tests (aiosmtpd).

smtp_server.py FOLDER MODE [CERTIFICATE KEY]: listens on a free port of 127.0.0.1, prints "PORT PID", and writes each mail to
FOLDER/N.json. MODE: plain, starttls (required), tls. Logins: user "u" with password "secret", or XOAUTH2 with the token that
stands in FOLDER/token; without them mail is refused if FOLDER/token or FOLDER/login is there.
Recipients that begin with "nobody" are refused for good, with "later" until another time.
"""
import asyncio, base64, json, os, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, MISSING

folder, mode = sys.argv[1], sys.argv[2]
count = 0


def token():
    try:
        return open(os.path.join(folder, "token")).read().strip()
    except FileNotFoundError:
        return None


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such person"
        if address.startswith("later"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None,
                "helo": session.host_name, "login": str(session.auth_data) if session.auth_data else None,
                "message": envelope.original_content.decode("utf-8", "replace")}
        path = os.path.join(folder, "%d.json" % count)
        with open(path + ".new", "w") as file:
            json.dump(mail, file)
        os.rename(path + ".new", path)
        return "250 taken"

    async def auth_XOAUTH2(self, server, args):
        if len(args) == 2:
            blob = args[1].encode()
        else:
            blob = await server.challenge_auth("", encode_to_b64=False)
            if blob is MISSING:
                return AuthResult(success=False, handled=False)
            return self.check(blob)
        return self.check(base64.b64decode(blob))

    def check(self, text):
        fields = text.split(b"\x01")
        good = fields[0] == b"user=u" and fields[1] == b"auth=Bearer " + (token() or "-").encode()
        return AuthResult(success=good, handled=good, auth_data="XOAUTH2 u" if good else None)


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"u" and data.password == b"secret"
    return AuthResult(success=good, handled=good, auth_data="%s u" % mechanism if good else None)


async def main():
    context = None
    if len(sys.argv) > 4:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
    handler = Handler()
    wants_login = token() is not None or os.path.exists(os.path.join(folder, "login"))

    def make():
        options = {"authenticator": authenticate, "auth_require_tls": mode != "plain" and mode != "tls",
                   "auth_required": wants_login, "hostname": "mail.test"}
        if token() is not None:
            options["auth_exclude_mechanism"] = ["LOGIN", "PLAIN"]
        if mode == "starttls":
            options.update(tls_context=context, require_starttls=True)
        return SMTP(handler, **options)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], os.getpid(), flush=True)
    await server.serve_forever()


asyncio.run(main())
