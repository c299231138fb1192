// SPDX-License-Identifier: Apache-2.0
import { call, enc, get, type Query } from './http';
import type { BootstrapPlan, BootstrapSession, BootstrapStart, DryRun } from './types-fleet';

export const bootstrap = {
  plans: (signal?: AbortSignal) => get<{ plans: BootstrapPlan[] }>('/api/v1/bootstrap/plans', {}, signal),
  plan: (name: string, signal?: AbortSignal) => get<BootstrapPlan>(`/api/v1/bootstrap/plans/${enc(name)}`, {}, signal),
  put: (name: string, body: unknown) => call<BootstrapPlan>('PUT', `/api/v1/bootstrap/plans/${enc(name)}`, { body }),
  remove: (name: string) => call<BootstrapPlan>('DELETE', `/api/v1/bootstrap/plans/${enc(name)}`),
  validate: (body: unknown) =>
    call<{ valid: boolean; warnings: string[] }>('POST', '/api/v1/bootstrap/validate', { body }),
  dryRun: (body: { endpoint: string; plan?: unknown }) => call<DryRun>('POST', '/api/v1/bootstrap/dry-run', { body }),
  sessions: (query: Query, signal?: AbortSignal) =>
    get<{ sessions: BootstrapSession[]; next: number | null }>('/api/v1/bootstrap/sessions', query, signal),
  session: (id: number, signal?: AbortSignal) =>
    get<BootstrapSession>(`/api/v1/bootstrap/sessions/${id}`, {}, signal),
  start: (body: { endpoint: string; uri?: string; server_instance?: number }) =>
    call<BootstrapStart>('POST', '/api/v1/bootstrap/sessions', { body }),
  end: (id: number) => call<BootstrapSession>('DELETE', `/api/v1/bootstrap/sessions/${id}`),
};
