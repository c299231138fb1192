// SPDX-License-Identifier: Apache-2.0
// Server-sent events over fetch: EventSource can't send a token.

export interface Message {
  id: string;
  event: string;
  data: string;
}

/** Feed it text as it comes; it gives the messages that are whole. */
export class SseParser {
  #rest = '';
  #id = '';
  #event = '';
  #data: string[] = [];

  feed(text: string): Message[] {
    const messages: Message[] = [];
    const lines = (this.#rest + text).split(/\r\n|\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length) messages.push({ id: this.#id, event: this.#event || 'message', data: this.#data.join('\n') });
        this.#event = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'data') this.#data.push(value);
      else if (name === 'event') this.#event = value;
      else if (name === 'id') this.#id = value;
    }
    return messages;
  }
}
