// SPDX-License-Identifier: Apache-2.0
import { untrack } from 'svelte';
import { problemOf } from '../api/http';
import type { Problem } from '../api/types';

export type Fetcher<T> = (signal: AbortSignal) => Promise<T>;

/** Something that is fetched: what came last stays visible while it is fetched anew. */
export class Load<T> {
  data = $state.raw<T | undefined>();
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  #fetcher: Fetcher<T> | null = null;
  #abort: AbortController | null = null;

  start(fetcher: Fetcher<T> | null): void {
    this.#fetcher = fetcher;
    void this.reload();
  }

  stop(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  reload = async (): Promise<void> => {
    this.stop();
    if (!this.#fetcher) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.busy = true;
    try {
      const data = await this.#fetcher(abort.signal);
      if (abort.signal.aborted) return;
      this.data = data;
      this.problem = null;
    } catch (error) {
      if (!abort.signal.aborted) this.problem = problemOf(error);
    } finally {
      if (this.#abort === abort) {
        this.busy = false;
        this.#abort = null;
      }
    }
  };
}

/** Fetches with what `make` gives, again whenever something that it reads changes. To be called while a component starts. */
export function load<T>(make: () => Fetcher<T> | null): Load<T> {
  const loading = new Load<T>();
  $effect(() => {
    const fetcher = make();
    untrack(() => loading.start(fetcher));
    return () => loading.stop();
  });
  return loading;
}

/** Every so often while the tab can be seen, and at once when it can be seen again. */
export function poll(milliseconds: number, work: () => unknown, immediately = false): void {
  $effect(() => {
    if (immediately) untrack(work);
    const timer = setInterval(() => {
      if (!document.hidden) work();
    }, milliseconds);
    const seen = (): void => {
      if (!document.hidden) work();
    };
    document.addEventListener('visibilitychange', seen);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  });
}
