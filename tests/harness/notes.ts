// A session of the notes app that behaves as its page does: ids are made here, a request is repeated until
// it is answered, a lost connection is opened again.
import { randomUUID } from "node:crypto";
import { AppWebsocket, LoginRefused, type Message, password_login } from "./appwebsocket";
import { delay } from "./wait";

export class NotesSession {
  private client: AppWebsocket | undefined;
  private closing = false;
  /** How often it got back in after a loss. */
  reconnects = 0;
  /** Longest time from a loss to the next login, in ms. */
  longest_gap = 0;
  refused = 0;

  constructor(
    readonly url: string,
    readonly password: string,
    readonly user = "tester",
  ) {}

  get connected(): boolean {
    return this.client !== undefined && this.client.socket.readyState === 1;
  }

  async connect(): Promise<AppWebsocket> {
    if (this.client !== undefined && this.connected) return this.client;
    const again = this.client !== undefined;
    const started = Date.now();
    for (let wait = 50; ; wait = Math.min(wait * 2, 1_000)) {
      if (this.closing) throw new Error("session closed");
      try {
        const login = { ...password_login("notes"), dn: this.user };
        this.client = await AppWebsocket.login(this.url, login, this.password);
        break;
      } catch (error) {
        if (error instanceof LoginRefused) {
          this.refused++;
          if (!again) throw error;
        }
        if (Date.now() - started > 180_000) throw new Error(`not back for 180 s: ${(error as Error).message}`);
        await delay(wait * (0.5 + Math.random()));
      }
    }
    if (again) {
      this.reconnects++;
      this.longest_gap = Math.max(this.longest_gap, Date.now() - started);
    }
    return this.client;
  }

  /** Sends until there is an answer; gives the answer, or throws it if it is a refusal that will not go away. */
  async ask(message: Message, ms = 180_000): Promise<Message> {
    const end = Date.now() + ms;
    for (let last = "no answer"; ; ) {
      if (Date.now() > end) throw new Error(`${message.mt}: ${last}`);
      try {
        const client = await this.connect();
        const answer = await client.request(message, 30_000);
        if (answer["error"] === undefined) return answer;
        last = `${answer["errorCode"]}: ${answer["error"]}`;
        if (["malformed", "not_found", "too_large", "conflict"].includes(answer["errorCode"])) throw new Refused(last);
        await delay(100 + Math.random() * 200);
      } catch (error) {
        if (error instanceof Refused || this.closing) throw error;
        last = (error as Error).message;
        // A request that got no answer on an open socket: the page would drop the socket, too.
        if (/took longer/.test(last)) this.client?.socket.terminate();
        await delay(20 + Math.random() * 80);
      }
    }
  }

  async add_board(title: string, id: string = randomUUID()): Promise<string> {
    await this.ask({ mt: "AddBoard", id, title, position: 1 });
    return id;
  }
  async add_note(board: string, text: string, id: string = randomUUID()): Promise<string> {
    await this.ask({ mt: "AddNote", id, board, text, color: "yellow", position: Math.random() });
    return id;
  }

  /** All notes: id → text. */
  async notes(): Promise<Map<string, string>> {
    for (;;) {
      const client = await this.connect();
      const src = `all-${randomUUID()}`;
      const found = new Map<string, string>();
      try {
        client.send({ mt: "GetNotes", src });
        for (;;) {
          const part = await client.next((one) => one.src === src, 60_000, "GetNotesResult");
          if (part["error"] !== undefined) throw new Error(part["error"]);
          for (const note of part["notes"]) found.set(note.id, note.text);
          if (part["more"] !== true) return found;
        }
      } catch (error) {
        if (this.closing) throw error;
        await delay(200);
      }
    }
  }

  close(): void {
    this.closing = true;
    this.client?.socket.terminate();
  }
}

class Refused extends Error {}
