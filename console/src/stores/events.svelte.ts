// SPDX-License-Identifier: Apache-2.0
import { failure, headers, url } from '../api/http';
import { SseParser } from '../api/sse';
import type { DroverEvent, Gap } from '../api/types';
import { parseJson } from '../lib/json';

export interface Wish {
  /** For when no view has a wish: the connection is watched all the same. */
  base?: boolean;
  /** Only of this device. */
  endpoint?: string;
  kinds: readonly string[];
  /** Begin this many events before now, when nothing was heard before. */
  back?: { newest: string | null; count: number };
  events: (events: DroverEvent[]) => void;
  /** Events may have been missed: what is shown is to be fetched again. */
  missed?: (gap: Gap | null) => void;
}

export const fleetKinds = [
  'registered', 'updated', 'expired', 'deregistered', 'refused', 'observation-ended', 'operation',
  'bootstrap-started', 'bootstrap-progress', 'bootstrap-ended', 'bootstrap-refused',
] as const;
export const allKinds = [...fleetKinds, 'notification'] as const;

const silence = 40_000;
const pauses = [1, 2, 4, 8, 15, 30];

/**
 * One stream for the whole tab, since a browser has six connections to a server at most. It is the wish of the view
 * that came last, and is closed while the tab can't be seen for long.
 */
class EventStream {
  state = $state<'off' | 'connecting' | 'live' | 'waiting'>('off');
  retryAt = $state(0);
  #wishes: Wish[] = [];
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #hidden: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #lastId: string | null = null;
  #batch: DroverEvent[] = [];

  constructor() {
    document.addEventListener('visibilitychange', () => {
      clearTimeout(this.#hidden);
      if (document.hidden) this.#hidden = setTimeout(() => this.#close(), 30_000);
      else if (this.#wish && !this.#abort) this.#open();
    });
    window.addEventListener('online', () => this.retryNow());
  }

  get #wish(): Wish | undefined {
    return this.#wishes.at(-1);
  }

  /** Until what is returned is called. */
  want(wish: Wish): () => void {
    if (wish.base) this.#wishes.unshift(wish);
    else this.#wishes.push(wish);
    if (this.#wish === wish) this.#begin();
    return () => {
      const current = this.#wish === wish;
      this.#wishes = this.#wishes.filter((w) => w !== wish);
      if (current) this.#begin();
    };
  }

  retryNow = (): void => {
    if (this.state === 'waiting') this.#open();
  };

  /** With another filter: what came before says nothing about what this one missed. */
  #begin(): void {
    this.#lastId = null;
    this.#batch = [];
    this.#failures = 0;
    this.#close();
    if (!this.#wish) return;
    // A view that goes is followed by another in the same moment.
    this.#timer = setTimeout(() => this.#open(), this.#wish.base ? 600 : 0);
  }

  #close(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#abort?.abort();
    this.#abort = null;
    this.state = 'off';
  }

  async #open(): Promise<void> {
    const wish = this.#wish;
    if (!wish) return;
    this.#close();
    const abort = new AbortController();
    this.#abort = abort;
    this.state = 'connecting';
    const resumed = this.#lastId !== null;
    try {
      const head: Record<string, string> = { ...headers(), Accept: 'text/event-stream' };
      const from = this.#lastId ?? before(wish.back);
      if (from) head['Last-Event-ID'] = from;
      const query = { kind: wish.kinds.join(','), endpoint: wish.endpoint };
      const response = await fetch(url('/api/v1/events', query), { headers: head, signal: abort.signal, cache: 'no-store' });
      if (!response.ok || !response.body) throw await failure(response);
      this.state = 'live';
      this.#failures = 0;
      // What happened between the view's own requests and this moment came to nobody.
      if (!resumed) wish.missed?.(null);
      await this.#read(response.body, wish, abort);
    } catch {
      // Told by the state; what is to be done is the same for each reason.
    }
    if (this.#abort !== abort) return;
    clearTimeout(this.#watch);
    abort.abort();
    this.#abort = null;
    const pause = pauses[Math.min(this.#failures++, pauses.length - 1)] ?? 30;
    this.state = 'waiting';
    this.retryAt = Math.floor(Date.now() / 1000) + pause;
    this.#timer = setTimeout(() => this.#open(), pause * 1000);
  }

  async #read(body: ReadableStream<Uint8Array>, wish: Wish, abort: AbortController): Promise<void> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new SseParser();
    for (;;) {
      clearTimeout(this.#watch);
      // The server says something every 15 seconds; a line that is dead says nothing of that.
      this.#watch = setTimeout(() => abort.abort(), silence);
      const { done, value } = await reader.read();
      if (done || abort.signal.aborted) return;
      for (const message of parser.feed(decoder.decode(value, { stream: true }))) {
        if (message.id) this.#lastId = message.id;
        if (message.event === 'gap') wish.missed?.(parseJson(message.data) as Gap);
        else this.#deliver(wish, parseJson(message.data) as DroverEvent);
      }
    }
  }

  /** Many events a second are shown a few times a second. */
  #deliver(wish: Wish, event: DroverEvent): void {
    if (this.#batch.push(event) > 1) return;
    setTimeout(() => {
      const batch = this.#batch;
      this.#batch = [];
      if (batch.length && this.#wish === wish) wish.events(batch);
    }, 120);
  }
}

/** The id so many events before the newest one: ids are ORDER-NUMBER. */
function before(back: Wish['back']): string | null {
  const match = /^(.*)-(\d+)$/.exec(back?.newest ?? '');
  if (!match || !back) return null;
  return `${match[1]}-${Math.max(0, Number(match[2]) - back.count)}`;
}

export const events = new EventStream();

/** While a component is there, with what `make` reads. */
export function listen(make: () => Wish | null): void {
  $effect(() => {
    const wish = make();
    return wish ? events.want(wish) : undefined;
  });
}
