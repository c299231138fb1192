// SPDX-License-Identifier: Apache-2.0
import { parseJson, writeJson } from '../lib/json';
import type { Problem } from './types';

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface Options {
  query?: Query;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: { type: string; data: BodyInit };
  signal?: AbortSignal;
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
}

/** Set by the session: the token in use, and what is to happen when the server doesn't take it any more. */
export const authority: { token: string | null; refused: () => void } = { token: null, refused: () => {} };

export const enc = encodeURIComponent;

export function url(path: string, query: Query = {}): string {
  const parts = Object.entries(query).filter(([, v]) => v !== undefined && v !== null && v !== '');
  return parts.length ? `${path}?${parts.map(([k, v]) => `${k}=${enc(String(v))}`).join('&')}` : path;
}

export function headers(): Record<string, string> {
  return authority.token ? { Authorization: `Bearer ${authority.token}` } : {};
}

/** A problem of any failure, also of one that isn't the server's. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  const detail = error instanceof TypeError ? 'The server cannot be reached.' : String(error);
  return { type: 'urn:drover:problem:unreachable', title: 'No connection', status: 0, detail };
}

export async function failure(response: Response): Promise<ApiError> {
  let problem: Problem;
  try {
    problem = parseJson(await response.text()) as Problem;
  } catch {
    problem = { type: 'about:blank', title: `HTTP ${response.status}`, status: response.status, detail: response.statusText };
  }
  if (response.status === 401) authority.refused();
  return new ApiError(problem);
}

export async function send(method: string, path: string, options: Options = {}): Promise<Response> {
  const head = headers();
  const init: RequestInit = { method, headers: head, cache: 'no-store' };
  if (options.signal) init.signal = options.signal;
  if (options.raw) {
    head['Content-Type'] = options.raw.type;
    init.body = options.raw.data;
  } else if (options.body !== undefined) {
    head['Content-Type'] = 'application/json';
    init.body = writeJson(options.body);
  }
  const response = await fetch(url(path, options.query), init);
  if (!response.ok) throw await failure(response);
  return response;
}

export async function call<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const response = await send(method, path, options);
  return parseJson(await response.text()) as T;
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  call<T>('GET', path, { ...(query && { query }), ...(signal && { signal }) });
