// The notes service in memory, for working on its page and for the page's tests: apps/notes/README.md.
// `node build.mjs && node dev/fake_notes.mjs [port]`; password "pwd".
import { randomBytes, randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { bodyOf, startServer } from "./fake_server.mjs";

const failure = (text, code) => Object.assign(new Error(text), { code });
const limits = { text: 16_384, title: 200, file: 10 * 1024 * 1024 };

function sampleBoards(notes, boards) {
  const at = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
  const sample = [
    [
      "This week",
      [
        ["Move the reception phones to the new switch.\nRico has the key to the rack.", "yellow", "Anna Berg", 55],
        ["Draft the offer for acme.org: 40 users, two sites, start in May", "blue", "Rico Schulz", 190],
        ["Ask facilities about the alarm line → https://example.com/tickets/4711", "yellow", "Mia Chen", 1500],
      ],
    ],
    [
      "Doing",
      [
        ["Firmware for the second floor, 12 of 31 done", "green", "Rico Schulz", 8],
        ["Test restore of the events database", "violet", "Anna Berg", 30],
      ],
    ],
    [
      "Done",
      [
        ["New certificate is in, everybody reconnected by itself", "green", "Mia Chen", 2900],
        ["Coffee machine repaired ☕", "pink", "Jonas Weiß", 4300],
      ],
    ],
    [
      "Ideas",
      [
        ["Could the door bell ring in the notes app?", "grey", "Jonas Weiß", 7000],
        ["Lunch talk: how we moved 37 customers in one night", "pink", "Anna Berg", 9000],
      ],
    ],
  ];
  for (const [b, [title, list]] of sample.entries()) {
    const board = randomUUID();
    boards.set(board, { id: board, title, position: b });
    for (const [n, [text, color, author, minutes]] of list.entries()) {
      const id = randomUUID();
      notes.set(id, {
        id,
        board,
        text,
        color,
        position: n,
        author,
        createdAt: at(minutes),
        changedBy: author,
        changedAt: at(minutes),
        revision: 1,
        files: [],
      });
    }
  }
}

export async function startFakeNotes({ port = 0, password = "pwd", sample = true } = {}) {
  const boards = new Map();
  const notes = new Map();
  const files = new Map();
  const removed = new Map();
  /** Everything that was acknowledged, in order: what tests look at. */
  const acknowledged = [];
  if (sample) sampleBoards(notes, boards);

  const everybody = (message) => {
    for (const session of server.sessions)
      if (session.subscribed) session.send({ ...message, src: session.subscribed });
  };
  const people = () =>
    [...server.sessions]
      .filter((session) => session.subscribed)
      .map((session) => ({
        session: session.id,
        name: session.login.dn,
        ...(session.note ? { note: session.note } : {}),
      }));
  const tellNote = (note) => everybody({ mt: "NoteChanged", note });
  const touch = (session, note) =>
    Object.assign(note, {
      changedBy: session.login.dn,
      changedAt: new Date().toISOString(),
      revision: note.revision + 1,
    });
  const noteOf = (id) => {
    if (!notes.has(id)) throw failure("This note was deleted meanwhile.", "not_found");
    return notes.get(id);
  };

  function onMessage(session, message, answer) {
    const { mt, id } = message;
    const done = (members) => {
      acknowledged.push(message);
      answer(members);
    };
    switch (mt) {
      case "Subscribe":
        session.id = randomUUID();
        session.fileKey = randomBytes(8).toString("hex");
        session.subscribed = message.src;
        answer({
          session: session.id,
          key: session.fileKey,
          files: "/example.com/team/files",
          people: people(),
          limits,
        });
        return everybody({ mt: "PeopleChanged", people: people() });
      case "GetBoards":
        return answer({ boards: [...boards.values()] });
      case "GetNotes": {
        const all = [...notes.values()];
        const half = Math.ceil(all.length / 2);
        session.send({ mt: "GetNotesResult", src: message.src, notes: all.slice(0, half), more: true });
        return answer({ notes: all.slice(half) });
      }
      case "AddBoard":
        if (!boards.has(id)) boards.set(id, { id, title: message.title, position: message.position });
        everybody({ mt: "BoardChanged", board: boards.get(id) });
        return done({ board: boards.get(id) });
      case "EditBoard": {
        const board = boards.get(id);
        if (!board) throw failure("This board was deleted meanwhile.", "not_found");
        Object.assign(board, JSON.parse(JSON.stringify({ title: message.title, position: message.position })));
        everybody({ mt: "BoardChanged", board });
        return done({ board });
      }
      case "RemoveBoard": {
        const gone = [...notes.values()].filter((note) => note.board === id);
        if (boards.has(id)) removed.set(id, { board: boards.get(id), notes: gone });
        boards.delete(id);
        for (const note of gone) notes.delete(note.id);
        everybody({ mt: "BoardRemoved", id });
        return done({});
      }
      case "RestoreBoard": {
        const back = removed.get(id);
        if (!back) throw failure("This board cannot be brought back.", "not_found");
        boards.set(id, back.board);
        everybody({ mt: "BoardChanged", board: back.board });
        for (const note of back.notes) {
          notes.set(note.id, note);
          tellNote(note);
        }
        return done({ board: back.board });
      }
      case "AddNote":
        if (!boards.has(message.board)) throw failure("This board was deleted meanwhile.", "not_found");
        if (!notes.has(id)) {
          const { board, text, color, position } = message;
          const now = new Date().toISOString();
          notes.set(id, {
            id,
            board,
            text,
            color,
            position,
            author: session.login.dn,
            createdAt: now,
            changedBy: session.login.dn,
            changedAt: now,
            revision: 1,
            files: [],
          });
          tellNote(notes.get(id));
        }
        return done({ note: notes.get(id) });
      case "EditNote": {
        const note = noteOf(id);
        const { text, color, board, position } = message;
        Object.assign(note, JSON.parse(JSON.stringify({ text, color, board, position })));
        touch(session, note);
        tellNote(note);
        return done({ note });
      }
      case "RemoveNote":
        if (notes.has(id)) removed.set(id, notes.get(id));
        notes.delete(id);
        everybody({ mt: "NoteRemoved", id });
        return done({});
      case "RestoreNote": {
        const note = removed.get(id);
        if (!note) throw failure("This note cannot be brought back.", "not_found");
        notes.set(id, touch(session, note));
        tellNote(note);
        return done({ note });
      }
      case "RemoveFile":
        for (const note of notes.values()) {
          if (!note.files.some((file) => file.id === id)) continue;
          note.files = note.files.filter((file) => file.id !== id);
          tellNote(touch(session, note));
        }
        return done({});
      case "SetWriting":
        session.note = message.note;
        answer();
        return everybody({ mt: "PeopleChanged", people: people() });
      case "AppInfo":
        return answer({ app: message.app, info: {} });
      default:
        throw failure(`${mt} is unknown.`, "unsupported");
    }
  }

  async function http(request, response, url) {
    if (!url.pathname.startsWith("/example.com/team/files")) return false;
    const query = Object.fromEntries(url.searchParams);
    const session = [...server.sessions].find((one) => one.fileKey && one.fileKey === query.key);
    const refuse = (code, error) => response.writeHead(code).end(JSON.stringify({ error }));
    if (!session) {
      refuse(403, "The key is wrong.");
    } else if (request.method === "POST") {
      const body = await bodyOf(request);
      const note = notes.get(query.note);
      if (!note) refuse(404, "This note was deleted meanwhile.");
      else {
        const file = { id: query.id, name: query.name, type: request.headers["content-type"], size: body.length };
        if (!files.has(query.id)) {
          files.set(query.id, { file, body });
          note.files = [...note.files, file];
          tellNote(touch(session, note));
        }
        response.end(JSON.stringify(file));
      }
    } else {
      const kept = files.get(url.pathname.split("/").at(-1));
      if (!kept) refuse(404, "No such file.");
      else
        response.writeHead(200, { "Content-Type": kept.file.type, "X-Content-Type-Options": "nosniff" }).end(kept.body);
    }
    return true;
  }

  const server = await startServer({
    port,
    path: "/example.com/team",
    page: "notes",
    password,
    http,
    onMessage,
    onClose: () => everybody({ mt: "PeopleChanged", people: people() }),
  });
  return {
    ...server,
    boards,
    notes,
    files,
    acknowledged,
    url: `http://127.0.0.1:${server.port}/example.com/team/notes.htm`,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const fake = await startFakeNotes({ port: Number(process.argv[2] ?? 8766) });
  console.log(`${fake.url}  password: pwd`);
}
