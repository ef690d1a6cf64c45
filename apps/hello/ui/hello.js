// Logs in with the instance's password, lists the entries, shows new ones as they come. crypto.subtle needs https or
// localhost; ui/kit has a login that works everywhere.
"use strict";
const [form, input, state, entries] = ["form", "input", "state", "entries"].map((id) => document.getElementById(id));
let socket;

async function digest_of(text) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function send(message) {
  socket.send(JSON.stringify(message));
}

function show(entry) {
  const line = document.createElement("li");
  const author = document.createElement("b");
  author.textContent = `${entry.author}: `;
  line.append(author, entry.words);
  entries.prepend(line);
}

function log_in(password) {
  socket = new WebSocket(location.href.replace(/^http/, "ws").replace(/[^/]*$/, ""));
  socket.onopen = () => send({ mt: "AppChallenge" });
  socket.onclose = () => (state.textContent = "Not connected.");
  socket.onmessage = async ({ data }) => {
    const message = JSON.parse(data);
    if (message.mt === "AppChallengeResult") {
      const who = { app: "hello", domain: "", sip: "guest", guid: "", dn: "Guest" };
      const digest = await digest_of([...Object.values(who), message.challenge, password].join(":"));
      send({ mt: "AppLogin", ...who, digest });
    } else if (message.mt === "AppLoginResult") {
      state.textContent = message.ok ? "" : message.error;
      if (!message.ok) return;
      Object.assign(input, { type: "text", value: "", placeholder: "Your words", ariaLabel: "Your words" });
      form.querySelector("button").textContent = "Write";
      form.onsubmit = write;
      send({ mt: "ListEntries", src: "list" });
    } else if (message.mt === "ListEntriesResult") {
      for (const entry of message.entries.reverse()) show(entry);
    } else if (message.mt === "EntryWritten") {
      show(message.entry);
    } else if (message.error) {
      state.textContent = message.error;
    }
  };
}

function write(event) {
  event.preventDefault();
  send({ mt: "WriteEntry", src: "write", words: input.value });
  input.value = "";
}

form.onsubmit = (event) => {
  event.preventDefault();
  log_in(input.value);
};
