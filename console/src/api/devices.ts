// SPDX-License-Identifier: Apache-2.0
import { call, enc, get, send, type Options, type Query } from './http';
import { parseJson } from '../lib/json';
import type {
  Answer, Bucket, Device, DevicePage, Observation, Operation, Outcome, StoredPage, StoredValue, Trace,
} from './types';

const at = (endpoint: string, rest = ''): string => `/api/v1/devices/${enc(endpoint)}${rest}`;
/** Of /3/0/1 what the API's URLs want. */
const bare = (path: string): string => path.replace(/^\//, '');

/** Asks a device; what it will answer later is `queued`. */
async function ask(method: string, url: string, options: Options = {}): Promise<Outcome> {
  const response = await send(method, url, options);
  const body = parseJson(await response.text());
  return response.status === 202 ? { queued: body as Operation } : { answer: body as Answer };
}

export const devices = {
  list: (query: Query, signal?: AbortSignal) => get<DevicePage>('/api/v1/devices', query, signal),
  one: (endpoint: string, signal?: AbortSignal) => get<Device>(at(endpoint), {}, signal),

  read: (endpoint: string, path: string) => ask('GET', at(endpoint, `/resources/${bare(path)}`)),
  discover: (endpoint: string, path: string) => ask('GET', at(endpoint, `/discover/${bare(path)}`)),
  write: (endpoint: string, path: string, value: unknown, replace = true) =>
    ask(replace ? 'PUT' : 'PATCH', at(endpoint, `/resources/${bare(path)}`), { body: { value } }),
  create: (endpoint: string, object: number, value: unknown, instance?: number) =>
    ask('POST', at(endpoint, `/resources/${object}`), { body: { instance, value } }),
  remove: (endpoint: string, path: string) => ask('DELETE', at(endpoint, `/resources/${bare(path)}`)),
  execute: (endpoint: string, path: string, args: string) =>
    ask('POST', at(endpoint, `/execute/${bare(path)}`), args ? { body: { arguments: args } } : {}),
  attributes: (endpoint: string, path: string, query: Record<string, string>) => {
    // An empty value unsets an attribute, so that the query is written here.
    const words = Object.entries(query).map(([name, value]) => `${name}=${enc(value)}`);
    return ask('PUT', `${at(endpoint, `/attributes/${bare(path)}`)}?${words.join('&')}`);
  },

  observations: (endpoint: string, signal?: AbortSignal) =>
    get<{ observations: Observation[] }>(at(endpoint, '/observations'), {}, signal),
  observe: (endpoint: string, path: string) => ask('PUT', at(endpoint, `/observations/${bare(path)}`)),
  cancelObservation: (endpoint: string, path: string) => ask('DELETE', at(endpoint, `/observations/${bare(path)}`)),

  operations: (endpoint: string, query: Query, signal?: AbortSignal) =>
    get<{ operations: Operation[]; total: number }>(at(endpoint, '/operations'), query, signal),
  operation: (endpoint: string, id: string, signal?: AbortSignal) =>
    get<Operation>(at(endpoint, `/operations/${enc(id)}`), {}, signal),
  cancelOperation: (endpoint: string, id: string) => call<Operation>('DELETE', at(endpoint, `/operations/${enc(id)}`)),

  trace: (endpoint: string, query: Query, signal?: AbortSignal) => get<Trace>(at(endpoint, '/trace'), query, signal),
  startTrace: (endpoint: string, seconds: number) =>
    call<{ seconds: number }>('PUT', at(endpoint, '/trace'), { body: { seconds } }),
  endTrace: (endpoint: string) => call<{ seconds: number }>('DELETE', at(endpoint, '/trace')),

  /** All last values; a device has a thousand resources at most, so that few pages do. */
  values: async (endpoint: string, signal?: AbortSignal): Promise<StoredValue[]> => {
    const all: StoredValue[] = [];
    let after: string | null = null;
    do {
      const page: StoredPage = await get<StoredPage>(at(endpoint, '/values'), { limit: 1000, after }, signal);
      all.push(...page.values);
      after = page.next;
    } while (after);
    return all;
  },
  history: (endpoint: string, path: string, query: Query, signal?: AbortSignal) =>
    get<StoredPage>(at(endpoint, `/history/${bare(path)}`), query, signal),
  buckets: (endpoint: string, path: string, query: Query, signal?: AbortSignal) =>
    get<{ buckets: Bucket[]; next: string | null }>(at(endpoint, `/history/${bare(path)}`), query, signal),

  tag: (endpoint: string, tags: string[], keep: boolean) =>
    call<{ tags: string[] }>('PUT', at(endpoint, '/tags'), { query: { keep }, body: { tags } }),
  untag: (endpoint: string, tags: string[]) =>
    call<{ tags: string[] }>('DELETE', at(endpoint, '/tags'), { query: { tag: tags.join(',') } }),
};
