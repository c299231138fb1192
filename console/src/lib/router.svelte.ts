// SPDX-License-Identifier: Apache-2.0
// Hash routes: every state of the console has a link, and the server need not know any of them.

class Router {
  path = $state.raw<string[]>([]);
  query = $state.raw(new URLSearchParams());

  constructor() {
    this.#read();
    window.addEventListener('hashchange', () => this.#read());
    window.addEventListener('popstate', () => this.#read());
  }

  #read(): void {
    const hash = location.hash.replace(/^#\/?/, '');
    const [path = '', query = ''] = hash.split('?', 2);
    this.path = path.split('/').filter(Boolean).map(decode);
    this.query = new URLSearchParams(query);
  }

  go(target: string, replace = false): void {
    if (replace) {
      history.replaceState(null, '', target);
      this.#read();
    } else {
      location.hash = target.replace(/^#/, '');
    }
  }

  /** Changes parts of the query; without `push` the back button doesn't stop there. */
  set(changes: Record<string, string | null | undefined>, push = false): void {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    this.go(`${link(...this.path)}${text ? `?${text}` : ''}`, !push);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** link('devices', 'urn:dev:os:1') is #/devices/urn:dev:os:1 */
export function link(...segments: (string | number)[]): string {
  return `#/${segments.map((s) => encodeURIComponent(s).replaceAll('%3A', ':')).join('/')}`;
}

export const router = new Router();
