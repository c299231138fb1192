// SPDX-License-Identifier: Apache-2.0
import { call, enc, failure, get, headers, send, type Query } from './http';
import { parseJson } from '../lib/json';
import type {
  AuditRecord, Backup, Credential, CredentialBody, CredentialList, ImportResult, NewCredential, Readiness, Sink,
  SmsNumber, SmsStatus, Status, Token,
} from './types-server';
import type { ObjectDefinition, ObjectSummary, Role, Session } from './types';

export const server = {
  status: (signal?: AbortSignal) => get<Status>('/api/v1/status', {}, signal),
  /** Its answer is the same whether it is ready or not; the status only says so a second time. */
  readiness: async (signal?: AbortSignal): Promise<Readiness> => {
    const response = await fetch('/readyz', { headers: headers(), cache: 'no-store', ...(signal && { signal }) });
    if (response.status !== 200 && response.status !== 503) throw await failure(response);
    return parseJson(await response.text()) as Readiness;
  },
  /** null: a server that doesn't tell. */
  session: async (): Promise<Session | null> => {
    const response = await fetch('/api/v1/session', { headers: headers(), cache: 'no-store' });
    if (response.status === 404) return null;
    if (!response.ok) throw await failure(response);
    return (await response.json()) as Session;
  },

  objects: (signal?: AbortSignal) => get<{ objects: ObjectSummary[] }>('/api/v1/objects', {}, signal),
  object: (id: number, version?: string | null, signal?: AbortSignal) =>
    get<ObjectDefinition>(`/api/v1/objects/${id}`, { version }, signal),
  define: (xml: string) =>
    call<{ objects: ObjectSummary[] }>('POST', '/api/v1/objects', { raw: { type: 'application/xml', data: xml } }),
  undefine: (id: number, version: string) =>
    call<{ id: number }>('DELETE', `/api/v1/objects/${id}`, { query: { version } }),

  sinks: (signal?: AbortSignal) => get<{ sinks: Sink[] }>('/api/v1/sinks', {}, signal),
  testSink: (name: string) => call<Sink>('POST', `/api/v1/sinks/${enc(name)}/test`),

  backup: (signal?: AbortSignal) => get<Backup>('/api/v1/backup', {}, signal),
  makeBackup: () => call<Backup>('POST', '/api/v1/backup'),
  removeBackup: () => call<Backup>('DELETE', '/api/v1/backup'),
  backupFile: async (name: string): Promise<Blob> =>
    (await send('GET', `/api/v1/backup/files/${enc(name)}`)).blob(),

  audit: (query: Query, signal?: AbortSignal) =>
    get<{ records: AuditRecord[]; next: number | null }>('/api/v1/audit', query, signal),

  tokens: (signal?: AbortSignal) => get<{ tokens: Token[] }>('/api/v1/tokens', {}, signal),
  makeToken: (body: { name: string; role: Role; expires_at?: number }) =>
    call<Token & { token: string }>('POST', '/api/v1/tokens', { body }),
  removeToken: (id: number) => call<Token>('DELETE', `/api/v1/tokens/${id}`),

  sms: (signal?: AbortSignal) => get<SmsStatus>('/api/v1/sms', {}, signal),
  smsNumbers: (query: Query, signal?: AbortSignal) =>
    get<{ numbers: SmsNumber[]; total: number; next: number | null }>('/api/v1/sms/numbers', query, signal),
  addSmsNumber: (body: { number: string; endpoint: string; protection: string; generate?: boolean; label?: string }) =>
    call<SmsNumber>('POST', '/api/v1/sms/numbers', { body }),
  changeSmsNumber: (id: number, body: { enabled: boolean }) =>
    call<SmsNumber>('PATCH', `/api/v1/sms/numbers/${id}`, { body }),
  removeSmsNumber: (id: number) => call<SmsNumber>('DELETE', `/api/v1/sms/numbers/${id}`),
};

export const credentials = {
  list: (query: Query, signal?: AbortSignal) => get<CredentialList>('/api/v1/credentials', query, signal),
  add: (body: CredentialBody) => call<NewCredential>('POST', '/api/v1/credentials', { body }),
  change: (id: number, body: { enabled?: boolean; label?: string; endpoint?: string }) =>
    call<Credential>('PATCH', `/api/v1/credentials/${id}`, { body }),
  rotate: (id: number, body: Record<string, string | number | boolean | undefined>) =>
    call<NewCredential>('POST', `/api/v1/credentials/${id}/rotate`, { body }),
  remove: (id: number) => call<Credential>('DELETE', `/api/v1/credentials/${id}`),
  import: (csv: string, partial: boolean) =>
    call<ImportResult>('POST', '/api/v1/credentials/import', { query: { partial }, raw: { type: 'text/csv', data: csv } }),
};
