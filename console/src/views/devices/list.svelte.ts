// SPDX-License-Identifier: Apache-2.0
import { devices } from '../../api/devices';
import { problemOf, type Query } from '../../api/http';
import type { Device, DroverEvent, Problem } from '../../api/types';

export interface Row {
  endpoint: string;
  tags: string[];
  address: string;
  binding: string;
  identity: string;
  lifetime: number;
  updated_at: number;
  queue_mode: boolean;
  awake_until: number | null;
  queued: number;
  gone: boolean;
}

/** The first page is to be there at once, the others are to be few. */
const firstSize = 100;
const pageSize = 500;

const rowOf = (d: Device, tags: string[] = []): Row => ({
  endpoint: d.endpoint,
  tags: d.tags ?? tags,
  address: d.address,
  binding: d.binding,
  identity: d.identity,
  lifetime: d.lifetime,
  updated_at: d.updated_at,
  queue_mode: d.queue_mode,
  awake_until: d.awake_until,
  queued: d.queued,
  gone: false,
});

/** Page behind page, as far as somebody has scrolled. The rows are one array that grows; `version` tells of changes. */
export class DeviceList {
  version = $state(0);
  total = $state<number | null>(null);
  complete = $state(false);
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);
  /** Devices that registered and would be among the rows. */
  fresh = $state(0);
  rows: Row[] = [];
  #index = new Map<string, number>();
  #fresh = new Set<string>();
  #query: Query = {};
  #next: string | null = null;
  #abort: AbortController | null = null;
  #match: (endpoint: string) => boolean = () => true;

  async begin(query: Query, match: (endpoint: string) => boolean): Promise<void> {
    this.#abort?.abort();
    this.#query = query;
    this.#match = match;
    await this.#fetch(null, true);
  }

  again = (): Promise<void> => this.begin(this.#query, this.#match);

  more(): void {
    if (!this.busy && !this.complete && !this.problem) void this.#fetch(this.#next, false);
  }

  stop(): void {
    this.#abort?.abort();
  }

  async #fetch(after: string | null, anew: boolean): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.busy = true;
    try {
      let cursor = after;
      let found: Device[] = [];
      let total: number | null = null;
      // With a filter the server looks through so many devices at a time, and may find none of them.
      do {
        const page = await devices.list({ ...this.#query, after: cursor, limit: anew ? firstSize : pageSize }, abort.signal);
        found = found.concat(page.devices);
        total = page.total;
        cursor = page.next;
      } while (cursor !== null && found.length < 40);
      if (abort.signal.aborted) return;
      if (anew) {
        this.rows = [];
        this.#index.clear();
        this.#fresh.clear();
        this.fresh = 0;
      }
      for (const device of found) {
        this.#index.set(device.endpoint, this.rows.length);
        this.rows.push(rowOf(device));
      }
      this.total = total;
      this.#next = cursor;
      this.complete = cursor === null;
      this.problem = null;
      this.version++;
    } catch (error) {
      if (!abort.signal.aborted) this.problem = problemOf(error);
    } finally {
      if (this.#abort === abort) this.busy = false;
    }
  }

  hear(events: DroverEvent[]): void {
    let changed = false;
    for (const event of events) {
      const at = this.#index.get(event.endpoint);
      const row = at === undefined ? undefined : this.rows[at];
      if (row && at !== undefined) {
        if (event.device) this.rows[at] = rowOf(event.device, row.tags);
        else if (event.kind === 'deregistered' || event.kind === 'expired') this.rows[at] = { ...row, gone: true };
        if (event.kind === 'deregistered' || event.kind === 'expired') this.rows[at] = { ...(this.rows[at] ?? row), gone: true };
        changed = true;
      } else if (event.kind === 'registered' && this.#match(event.endpoint)) {
        const last = this.rows.at(-1)?.endpoint;
        // What lies behind the last row comes by scrolling.
        if (this.complete || (last !== undefined && event.endpoint < last)) this.#fresh.add(event.endpoint);
        if (this.total !== null) this.total++;
      } else if ((event.kind === 'deregistered' || event.kind === 'expired') && this.#fresh.delete(event.endpoint)) {
        if (this.total !== null) this.total--;
      }
    }
    this.fresh = this.#fresh.size;
    if (changed) this.version++;
  }

  setTags(endpoint: string, tags: string[]): void {
    const at = this.#index.get(endpoint);
    const row = at === undefined ? undefined : this.rows[at];
    if (row && at !== undefined) this.rows[at] = { ...row, tags };
    this.version++;
  }
}
