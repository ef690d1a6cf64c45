// Page of the echo app: sends a line by WebSocket and times the HTTP handlers.
"use strict";
const state = document.getElementById("state");
const log = document.getElementById("log");
let socket;
let delay = 500;

function say(text) {
  log.textContent = `${new Date().toLocaleTimeString()}  ${text}\n${log.textContent}`.slice(0, 20000);
}

function connect() {
  const url = new URL("echo", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url);
  socket.onopen = () => {
    delay = 500;
    state.textContent = "connected";
  };
  socket.onmessage = (event) => say(`← ${event.data}`);
  socket.onclose = (event) => {
    state.textContent = `closed (${event.code}), again in ${delay / 1000} s`;
    setTimeout(connect, delay);
    delay = Math.min(delay * 2, 16000);
  };
}

document.getElementById("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = document.getElementById("text");
  if (socket.readyState !== WebSocket.OPEN) return say("not connected");
  socket.send(text.value);
  say(`→ ${text.value}`);
  text.value = "";
});

for (const button of document.querySelectorAll("button[data-get], button[data-post]")) {
  button.addEventListener("click", async () => {
    const { get, post } = button.dataset;
    const started = performance.now();
    try {
      const answer = await fetch(get ?? post, { method: get ? "GET" : "POST" });
      const body = await answer.arrayBuffer();
      say(`${answer.status} ${get ?? post}: ${body.byteLength} bytes in ${Math.round(performance.now() - started)} ms`);
    } catch (error) {
      say(`${get ?? post}: ${error}`);
    }
  });
}

connect();
