// SPDX-License-Identifier: Apache-2.0
import { problemOf } from '../api/http';

export interface Toast {
  id: number;
  kind: 'ok' | 'bad';
  text: string;
}

class Toasts {
  list = $state.raw<Toast[]>([]);
  #next = 1;

  add(kind: 'ok' | 'bad', text: string): void {
    const toast = { id: this.#next++, kind, text };
    this.list = [...this.list.slice(-3), toast];
    setTimeout(() => this.remove(toast.id), kind === 'ok' ? 5000 : 12000);
  }

  remove(id: number): void {
    this.list = this.list.filter((t) => t.id !== id);
  }
}

export const toasts = new Toasts();
export const say = (text: string): void => toasts.add('ok', text);

/** Does something that an operator asked for, and tells how it went. */
export async function attempt<T>(work: () => Promise<T>, done?: string): Promise<T | undefined> {
  try {
    const result = await work();
    if (done) say(done);
    return result;
  } catch (error) {
    const problem = problemOf(error);
    toasts.add('bad', problem.status === 403 ? `Not allowed: ${problem.detail}` : problem.detail || problem.title);
    return undefined;
  }
}
