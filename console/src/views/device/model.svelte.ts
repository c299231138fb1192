// SPDX-License-Identifier: Apache-2.0
import { SvelteMap } from 'svelte/reactivity';
import { devices } from '../../api/devices';
import { problemOf } from '../../api/http';
import type { Answer, Device, DroverEvent, Observation, Operation, Outcome, Problem, StoredValue } from '../../api/types';
import { leaves } from '../../lib/values';
import { dateTime, plural } from '../../lib/format';

export interface Result {
  state: 'busy' | 'ok' | 'queued' | 'bad';
  text: string;
  operation?: Operation;
}

/** A device as its page shows it: what the server knows, kept current by events, and how what was asked went. */
export class DeviceModel {
  device = $state.raw<Device | null>(null);
  gone = $state('');
  problem = $state.raw<Problem | null>(null);
  readonly values = new SvelteMap<string, StoredValue>();
  readonly observed = new SvelteMap<string, Observation>();
  readonly results = new SvelteMap<string, Result>();
  /** Of an instance that was read or discovered: which resources it has. */
  readonly present = new SvelteMap<string, ReadonlySet<number>>();
  readonly attributes = new SvelteMap<string, Record<string, string | null>>();
  /** Rises when operations of the device changed. */
  operationsChanged = $state(0);
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly endpoint: string) {}

  refresh = async (): Promise<void> => {
    await Promise.all([this.#refreshDevice(), this.refreshValues(), this.refreshObservations()]);
  };

  async #refreshDevice(): Promise<void> {
    try {
      this.device = await devices.one(this.endpoint);
      this.problem = null;
      this.gone = '';
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 404) this.gone = 'not registered';
      else this.problem = problem;
    }
  }

  async refreshValues(): Promise<void> {
    try {
      for (const stored of await devices.values(this.endpoint)) this.values.set(stored.path, stored);
    } catch {
      // Without a history the server keeps none; what is read is shown all the same.
    }
  }

  async refreshObservations(): Promise<void> {
    try {
      const { observations } = await devices.observations(this.endpoint);
      this.observed.clear();
      for (const o of observations) this.observed.set(o.path, o);
    } catch {
      this.observed.clear();
    }
  }

  hear = (events: DroverEvent[]): void => {
    for (const event of events) {
      if (event.device) this.device = { ...event.device, tags: this.device?.tags ?? [] };
      switch (event.kind) {
        case 'registered':
          this.gone = '';
          void this.refreshObservations();
          break;
        case 'deregistered':
        case 'expired':
          this.gone = event.kind;
          this.observed.clear();
          break;
        case 'notification': {
          const observation = this.observed.get(event.path ?? '');
          if (observation) this.observed.set(observation.path, { ...observation, notifications: observation.notifications + 1 });
          this.#learn(event.path, event.value, event.type, event.at, 'notify');
          break;
        }
        case 'learned':
          this.#learn(event.path, event.value, event.type, event.at, event.how ?? 'read');
          break;
        case 'operation':
          this.operationsChanged++;
          void this.#follow(event);
          break;
        default:
          if (event.kind === 'observation-ended') this.observed.delete(event.path ?? '');
      }
    }
  };

  #learn(path = '', value: StoredValue['value'] | undefined, type: string | undefined, at: number, how: string): void {
    if (value === undefined) return;
    for (const leaf of leaves(path, value)) {
      const before = this.values.get(leaf.path);
      this.values.set(leaf.path, {
        endpoint: this.endpoint, path: leaf.path, value: leaf.value, time: at, arrived_at: at, how,
        type: type ?? before?.type ?? '',
      });
    }
  }

  /** An operation that waited and is over: its answer is fetched, and shown where it was asked for. */
  async #follow(event: DroverEvent): Promise<void> {
    for (const [key, result] of this.results) {
      if (result.operation?.id !== event.operation_id || event.state === 'queued') continue;
      try {
        this.#settle(key, await devices.operation(this.endpoint, event.operation_id ?? ''));
      } catch {
        // It is told under Operations.
      }
    }
  }

  #settle(key: string, operation: Operation): void {
    if (operation.answer) this.#take(key, operation.answer, '');
    else if (operation.problem) this.#refuse(key, operation.problem);
    else this.results.set(key, { state: operation.state === 'cancelled' ? 'bad' : 'queued', text: operation.detail, operation });
  }

  #take(key: string, answer: Answer, took: string): void {
    const what = answer.location ? `, ${answer.location}` : answer.note ? `, ${answer.note}` : '';
    this.results.set(key, { state: 'ok', text: `${answer.code} ${answer.status}${what}${took}` });
    if (answer.value !== undefined) {
      this.#learn(answer.path, answer.value, answer.type, Math.floor(Date.now() / 1000), 'read');
      if (answer.operation === 'Read') this.#notePresent(answer);
    }
    for (const l of answer.links ?? []) if (l.path) this.attributes.set(l.path, l.attributes);
    if (answer.operation === 'Discover') this.#noteLinks(answer);
  }

  /** A multiple resource that lost an instance shows it no more. */
  #notePresent(answer: Answer): void {
    const fresh = new Set(leaves(answer.path, answer.value ?? null).map((l) => l.path));
    for (const path of [...this.values.keys()]) {
      if (path.startsWith(`${answer.path}/`) && !fresh.has(path)) this.values.delete(path);
    }
  }

  #noteLinks(answer: Answer): void {
    const found = new Map<string, Set<number>>();
    for (const l of answer.links ?? []) {
      const match = /^(\/\d+\/\d+)\/(\d+)$/.exec(l.path ?? '');
      if (!match?.[1]) continue;
      const set = found.get(match[1]) ?? new Set<number>();
      set.add(Number(match[2]));
      found.set(match[1], set);
    }
    for (const [instance, set] of found) this.present.set(instance, set);
  }

  #refuse(key: string, problem: Problem): void {
    const device = problem.coap_code ? `${problem.coap_code} ${problem.coap_reason ?? ''}` : '';
    const place = problem.pointer ? ` (at ${problem.pointer})` : '';
    const text = problem.status === 403 && !device ? `Not allowed: ${problem.detail}` : device || problem.detail || problem.title;
    this.results.set(key, { state: 'bad', text: text + place });
  }

  /** Asks the device, and notes under `key`, a path, how it went. */
  async ask(key: string, work: () => Promise<Outcome>): Promise<boolean> {
    this.results.set(key, { state: 'busy', text: 'asking the device' });
    const began = performance.now();
    try {
      const outcome = await work();
      if (outcome.queued) {
        const o = outcome.queued;
        const behind = o.ahead ? `, behind ${plural(o.ahead, 'other')}` : '';
        const by = o.expected_by ? `; expected by ${dateTime(o.expected_by)}` : '';
        this.results.set(key, { state: 'queued', text: `waits until the device wakes${behind}${by}`, operation: o });
        this.operationsChanged++;
        return true;
      }
      this.#take(key, outcome.answer, ` · ${Math.round(performance.now() - began)} ms`);
      return true;
    } catch (error) {
      this.#refuse(key, problemOf(error));
      return false;
    }
  }

  read = (path: string): Promise<boolean> => this.ask(path, () => devices.read(this.endpoint, path));
  discover = (path: string): Promise<boolean> => this.ask(path, () => devices.discover(this.endpoint, path));

  write(path: string, value: unknown): Promise<boolean> {
    return this.ask(path, async () => {
      const outcome = await devices.write(this.endpoint, path, value);
      // The server knows what was written by now; it is shown as the server has it.
      clearTimeout(this.#again);
      this.#again = setTimeout(() => void this.refreshValues(), 150);
      return outcome;
    });
  }

  async observe(path: string, on: boolean): Promise<void> {
    const done = await this.ask(path, () =>
      on ? devices.observe(this.endpoint, path) : devices.cancelObservation(this.endpoint, path));
    if (done) await this.refreshObservations();
  }

  async cancel(key: string, operation: Operation): Promise<void> {
    try {
      await devices.cancelOperation(this.endpoint, operation.id);
      this.results.set(key, { state: 'ok', text: 'taken back' });
    } catch (error) {
      this.#refuse(key, problemOf(error));
    }
    this.operationsChanged++;
  }
}
