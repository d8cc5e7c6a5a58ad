// A TCP proxy on loopback that can break every connection that goes through it: what a train in a tunnel does.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  #sockets = new Set();
  #server;

  /** Listens on a free port and passes everything on to `target`, a URL's origin. */
  static async to(target) {
    const { hostname, port } = new URL(target);
    const proxy = new Proxy();
    proxy.#server = createServer((near) => {
      const far = connect(Number(port), hostname);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        proxy.#sockets.add(from);
        from.on("error", () => {});
        from.on("close", () => {
          proxy.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Resets every connection that is open now. */
  breakAll() {
    for (const socket of this.#sockets) {
      socket.resetAndDestroy();
    }
  }

  async close() {
    this.breakAll();
    this.#server.close();
    await once(this.#server, "close");
  }
}
