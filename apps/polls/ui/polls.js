// Logs in, shows the polls and keeps them current. crypto.subtle needs https or localhost; ui/kit has a login that works everywhere.
"use strict";
const part = (id) => document.getElementById(id);
const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

/** One connection; `ask()` gives the answer to a message, `told` gets what comes by itself. */
class Connection {
  waiting = new Map();
  count = 0;
  constructor(told, ended) {
    this.socket = new WebSocket(new URL(".", location.href.replace(/^http/, "ws")).href.replace(/\/$/, ""));
    this.opened = new Promise((done) => (this.socket.onopen = done));
    this.socket.onclose = ended;
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (!message.mt.endsWith("Result")) return told(message);
      this.waiting.get(message.src)?.(message);
      this.waiting.delete(message.src);
    };
  }
  ask(mt, members = {}) {
    const src = String(++this.count);
    this.socket.send(JSON.stringify({ mt, src, ...members }));
    return new Promise((answered) => this.waiting.set(src, answered));
  }
  async log_in(name, password) {
    await this.opened;
    const { challenge } = await this.ask("AppChallenge");
    const who = { app: "polls", domain: "", sip: name, guid: "", dn: name };
    const words = new TextEncoder().encode([...Object.values(who), challenge, password].join(":"));
    const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", words))];
    return this.ask("AppLogin", { ...who, digest: digest.map((byte) => byte.toString(16).padStart(2, "0")).join("") });
  }
}

let connection;
const say = ({ error = "" }) => (part("state").textContent = error);

function show({ id, question, answers }) {
  const most = Math.max(1, ...answers.map(({ votes }) => votes));
  const rows = answers.map(({ id: answer, words, votes }) => {
    const vote = make("button", { textContent: words, onclick: async () => say(await connection.ask("Vote", { answer })) });
    return make("div", {}, vote, make("meter", { max: most, value: votes, title: `${votes}` }), make("span", { textContent: votes }));
  });
  const section = make("section", { id: `poll-${id}` }, make("h2", { textContent: question }), ...rows);
  const old = part(section.id);
  if (old) old.replaceWith(section);
  else part("polls").append(section);
}

part("login").onsubmit = async (event) => {
  event.preventDefault();
  const { name, password } = Object.fromEntries(new FormData(event.target));
  connection = new Connection(({ mt, poll }) => mt === "PollChanged" && show(poll), () => say({ error: "Not connected." }));
  const answer = await connection.log_in(name, password);
  say(answer);
  if (!answer.ok) return;
  event.target.remove();
  part("new").hidden = false;
  for (const poll of (await connection.ask("ListPolls")).polls) show(poll);
};

part("new").onsubmit = async (event) => {
  event.preventDefault();
  const { question, answers } = Object.fromEntries(new FormData(event.target));
  const words = answers.split("\n").map((line) => line.trim()).filter(Boolean);
  const answer = await connection.ask("AddPoll", { question, answers: words });
  say(answer);
  if (!answer.error) event.target.reset();
};
