// SPDX-License-Identifier: Apache-2.0
import { devices } from '../../api/devices';
import { problemOf } from '../../api/http';
import type { Problem, TracedMessage } from '../../api/types';

const kept = 2000;

/** The trace of a device, followed by its numbers. */
export class TraceFollower {
  messages = $state.raw<TracedMessage[]>([]);
  until = $state(0);
  lost = $state(0);
  none = $state(false);
  ready = $state(false);
  problem = $state.raw<Problem | null>(null);
  #after = 0;
  #busy = false;

  constructor(readonly endpoint: string) {}

  get running(): boolean {
    return !this.none && this.until > Date.now() / 1000;
  }

  next = async (): Promise<void> => {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const trace = await devices.trace(this.endpoint, { after: this.#after, limit: 1000 });
      this.until = trace.until;
      this.lost = trace.lost_through;
      this.none = false;
      this.problem = null;
      if (trace.messages.length) {
        this.messages = [...this.messages, ...trace.messages].slice(-kept);
        this.#after = trace.messages.at(-1)?.number ?? this.#after;
      }
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 404) this.none = true;
      else this.problem = problem;
    } finally {
      this.#busy = false;
      this.ready = true;
    }
  };

  async begin(seconds: number): Promise<void> {
    await devices.startTrace(this.endpoint, seconds);
    await this.next();
  }

  async end(): Promise<void> {
    await devices.endTrace(this.endpoint);
    this.messages = [];
    this.#after = 0;
    this.none = true;
  }
}
