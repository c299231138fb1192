// SPDX-License-Identifier: Apache-2.0
import { problemOf } from '../api/http';
import { server } from '../api/server';
import type { Problem } from '../api/types';
import type { Status } from '../api/types-server';

export interface Rates {
  in: number;
  out: number;
  registers: number;
  updates: number;
  notifications: number;
  operations: number;
  errors: number;
}

const kept = 450;

function failed(s: Status): number {
  return s.rejected + s.refused + s.coap.timeouts + s.coap.malformed + s.coap.bad_option + s.operations_expired;
}

/** The server's counters, and what they say about each second, for as long as the tab is open. */
class StatusStore {
  now = $state.raw<Status | undefined>();
  problem = $state.raw<Problem | null>(null);
  times = $state.raw<number[]>([]);
  rates = $state.raw<Rates[]>([]);
  #before: { at: number; status: Status } | null = null;
  #running: Promise<void> | null = null;

  get last(): Rates | undefined {
    return this.rates.at(-1);
  }

  /** Who asks while it is on its way waits for the same answer. */
  refresh = (): Promise<void> => {
    this.#running ??= this.#fetch().finally(() => (this.#running = null));
    return this.#running;
  };

  async #fetch(): Promise<void> {
    try {
      const status = await server.status();
      this.#add(status, performance.now() / 1000);
      this.now = status;
      this.problem = null;
    } catch (error) {
      this.problem = problemOf(error);
    }
  }

  #add(status: Status, at: number): void {
    const before = this.#before;
    this.#before = { at, status };
    // Another run of the server counts from the beginning.
    if (!before || before.status.started_at !== status.started_at) return;
    const seconds = at - before.at;
    if (seconds < 0.5) {
      this.#before = before;
      return;
    }
    const per = (get: (s: Status) => number): number => Math.max(0, get(status) - get(before.status)) / seconds;
    const rates: Rates = {
      in: per((s) => s.coap.datagrams_in),
      out: per((s) => s.coap.datagrams_out),
      registers: per((s) => s.registers),
      updates: per((s) => s.updates),
      notifications: per((s) => s.notifications),
      operations: per((s) => s.operations),
      errors: per(failed),
    };
    this.times = [...this.times.slice(1 - kept), Date.now() / 1000];
    this.rates = [...this.rates.slice(1 - kept), rates];
  }
}

export const status = new StatusStore();
