// SPDX-License-Identifier: Apache-2.0
// The server itself, its credentials and its people, as docs/openapi.json describes them.
import type { LineMistake, Role } from './types';

export interface Status {
  version: string;
  started_at: number;
  devices: number;
  registers: number;
  updates: number;
  deregisters: number;
  expiries: number;
  rejected: number;
  refused: number;
  associations: number;
  handshakes: number;
  resumptions: number;
  operations: number;
  operations_queued: number;
  operations_requeued: number;
  operations_expired: number;
  notifications: number;
  coap: {
    datagrams_in: number;
    datagrams_out: number;
    malformed: number;
    bad_option: number;
    duplicates: number;
    unmatched: number;
    stale_notifications: number;
    retransmissions: number;
    timeouts: number;
    refused: number;
  };
  history?: { devices: number; series: number; stored: number; bytes: number; trouble: string | null; behind: number };
  bootstrap?: { requests: number; refused: number; sessions: number; finished: number; failed: number };
  events: { newest: string | null; retained: number; clients: number };
}

export interface Readiness {
  ready: boolean;
  checks: { name: string; ok: boolean; required: boolean; detail: string }[];
}

export interface Credential {
  id: number;
  purpose: 'server' | 'bootstrap';
  kind: 'psk' | 'public-key' | 'certificate';
  identity: string;
  public_key: string | null;
  endpoint: string | null;
  label: string;
  issuer: string | null;
  enabled: boolean;
  created_at: number;
  expires_at: number | null;
}

export interface NewCredential extends Credential {
  key?: string;
}

export interface CredentialList {
  credentials: Credential[];
  total: number;
  next: number | null;
}

export interface CredentialBody {
  purpose?: string;
  kind: string;
  identity?: string;
  key?: string;
  generate?: boolean;
  key_bytes?: number;
  public_key?: string;
  endpoint?: string;
  label?: string;
  expires_at?: number;
}

export interface ImportResult {
  added: number;
  refused: number;
  lines: LineMistake[];
}

export interface Token {
  id: number;
  name: string;
  role: Role;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
}

export interface AuditRecord {
  number: number;
  at: number;
  who: string;
  role: string | null;
  address: string | null;
  action: string;
  target: string;
  status: number | null;
  location: string | null;
  refused: boolean;
  unrecorded: number;
}

export interface Sink {
  name: string;
  kind: 'webhook' | 'mqtt';
  target: string;
  connected: boolean | null;
  delivered: number;
  failed: number;
  refused: number;
  retries: number;
  lost: number;
  in_flight: number;
  lag_events: number;
  lag_seconds: number;
  last_error: string | null;
  last_error_at: number | null;
  last_delivered_at: number | null;
  retry_at: number | null;
}

export interface Backup {
  id: string;
  made_at: number;
  version: string;
  files: { name: string; size: number; sha256: string }[];
}

export interface SmsStatus {
  carrier: string;
  number: string;
  ready: boolean;
  state: string;
  carried: Record<string, number>;
  gateway: Record<string, number>;
}

export interface SmsNumber {
  id: number;
  number: string;
  endpoint: string;
  protection: 'packets' | 'smartcard' | 'dtls' | 'none';
  parameters: string | null;
  label: string;
  enabled: boolean;
  created_at: number;
  counters: { reserved: number; received: number } | null;
  keys?: string;
}
