// SPDX-License-Identifier: Apache-2.0
// Work on many devices, as docs/openapi.json describes it.
import type { Value } from './types';

export interface Selection {
  all?: boolean;
  endpoints?: string[];
  name?: string;
  tags?: string[];
  manufacturer?: string;
  model?: string;
  version?: string;
  object?: number;
  seen_after?: number;
  seen_before?: number;
}

export interface OperationForm {
  operation: string;
  path: string;
  value?: Value;
  arguments?: string;
  attributes?: Record<string, Value>;
  instance?: number;
  mode?: string;
}

export interface BulkBody {
  operation: OperationForm;
  selection: Selection;
  parallel?: number;
  lifetime?: number;
  priority?: string;
  stop_at_failures?: number;
}

export const bulkStates = ['waiting', 'sent', 'queued', 'done', 'failed', 'expired', 'cancelled'] as const;
export type BulkState = (typeof bulkStates)[number];

export interface Bulk {
  id: string;
  asked_by: string;
  operation: string;
  path: string;
  selection: Selection;
  parallel: number;
  priority: string;
  stop_at_failures: number | null;
  state: 'selecting' | 'running' | 'paused' | 'done' | 'cancelled';
  reason: string | null;
  created_at: number;
  deadline: number;
  ended_at: number | null;
  devices: Record<BulkState | 'total', number>;
}

export interface BulkDevice {
  endpoint: string;
  state: BulkState;
  code: string | null;
  detail: string;
  operation_id: string | null;
  changed_at: number;
}

export interface Page<T> {
  devices: T[];
  next: string | null;
}

export interface FirmwareImage {
  name: string;
  version: string;
  size: number;
  sha256: string;
  uploaded_at: number;
  uploaded_by: string;
}

export interface NewCampaign {
  name: string;
  image: string;
  selection: Selection;
  method: string;
  parallel?: number;
  stop_percent?: number;
  stop_after?: number;
  retries?: number;
  skip_current?: boolean;
  reset_stuck?: boolean;
  start_at?: number;
  window?: { from: string; to: string };
}

export const campaignStages = [
  'waiting', 'checking', 'resetting', 'observing', 'ready', 'transferring',
  'downloading', 'starting', 'updating', 'verifying', 'ended',
] as const;
export const campaignOutcomes = ['succeeded', 'failed', 'timed-out', 'vanished', 'skipped', 'cancelled'] as const;

export interface Campaign {
  id: number;
  name: string;
  image: string;
  version: string;
  method: string;
  state: 'scheduled' | 'running' | 'paused' | 'stopped' | 'cancelled' | 'done';
  reason: string | null;
  devices: number;
  stages: Record<string, number>;
  outcomes: Record<string, number>;
  parallel: number;
  stop_percent: number;
  stop_after: number;
  retries: number;
  start_at: number | null;
  window: { from: string; to: string } | null;
  asked_by: string;
  created_at: number;
  started_at: number | null;
  ended_at: number | null;
}

export interface CampaignDevice {
  endpoint: string;
  stage: string;
  outcome: string | null;
  update_result: number | null;
  reason: string | null;
  attempt: number;
  version_before: string | null;
  version: string | null;
  since: number;
  operation: string | null;
}

export interface Rule {
  name: string;
  enabled: boolean;
  condition: Selection;
  ask: boolean;
  when: 'registration' | 'once';
  stop_on_failure: boolean;
  steps: OperationForm[];
  configured: boolean;
  changed_at: number;
  devices: { running: number; done: number; failed: number };
}

export interface RuleDevice {
  endpoint: string;
  state: 'running' | 'done' | 'failed';
  steps_over: number;
  steps_failed: number;
  detail: string;
  operation_id: string | null;
  changed_at: number;
}

export interface BootstrapPlan {
  name: string;
  endpoints: string[];
  servers: number[];
  bootstrap: boolean;
  steps: number;
  keys: string;
  changed_at: number;
  warnings: string[];
  plan?: Record<string, Value>;
}

export interface DryRunMessage {
  operation: string;
  method: string;
  path: string;
  format: number | null;
  accept: number | null;
  payload_hex: string;
  text: string;
  optional: boolean;
}

export interface DryRun {
  endpoint: string;
  plan: string;
  messages: DryRunMessage[];
}

export interface BootstrapAccount {
  short_server_id: number | null;
  mode: string;
  uri: string;
  identity: string;
  generated: boolean;
}

export interface BootstrapMessage {
  at_ms: number;
  from_device: boolean;
  operation: string;
  path: string;
  format: number | null;
  payload_bytes: number;
  code: string | null;
  status: string | null;
  text: string;
}

export interface BootstrapSession {
  id: number;
  endpoint: string;
  plan: string;
  state: 'waiting' | 'running' | 'finished' | 'failed';
  reason: string | null;
  applied: 'no' | 'yes' | 'unknown';
  address: string;
  identity: string;
  server_initiated: boolean;
  began_at_ms: number;
  ended_at_ms: number | null;
  step: number;
  steps: number;
  provisioned: BootstrapAccount[];
  timeline?: BootstrapMessage[];
  omitted?: number;
}

export interface BootstrapStart {
  endpoint: string;
  session: number | null;
  path: string | null;
  operation: string | null;
  code: string | null;
  status: string | null;
}
