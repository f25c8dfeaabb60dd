// The connection to the server: one request of each kind on the way, the newest one waiting.

import { pack, unpack } from "./messages.js";

// Kinds of which one is on the way and the newest waits: they follow the pen.
const QUEUED = new Set(["draft", "predict"]);

export class Link {
  constructor(nPixels, receive, changed) {
    this.nPixels = nPixels;
    this.receive = receive;
    this.changed = changed;
    this.onTheWay = new Map();
    this.waiting = new Map();
    this.delay = 500;
    this.connect();
  }

  connect() {
    const address = new URL("socket", document.baseURI);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.delay = 500;
      this.changed(true);
    };
    this.socket.onmessage = (event) => this.take(unpack(event.data, this.nPixels));
    this.socket.onclose = () => {
      this.onTheWay.clear();
      this.waiting.clear();
      this.changed(false);
      setTimeout(() => this.connect(), this.delay);
      this.delay = Math.min(2 * this.delay, 8000);
    };
  }

  take(message) {
    if (message.event === "restarted" || message.event === "refused") this.onTheWay.clear();
    if (message.event === "done" && this.onTheWay.get(message.kind) <= message.id) this.onTheWay.delete(message.kind);
    this.receive(message);
    for (const [kind, [header, field]] of [...this.waiting]) {
      if (!this.onTheWay.has(kind)) {
        this.waiting.delete(kind);
        this.request(kind, header, field);
      }
    }
  }

  request(kind, header, field) {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (QUEUED.has(kind) && this.onTheWay.has(kind)) {
      this.waiting.set(kind, [header, field && field.slice()]);
      return;
    }
    // Any other request replaces what the server is still at.
    this.waiting.delete(kind);
    if (kind !== "stop") this.onTheWay.set(kind, header.id);
    this.socket.send(pack({ kind, n_pixels: this.nPixels, ...header }, field));
  }
}
