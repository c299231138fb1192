// SPDX-License-Identifier: Apache-2.0
// Devices and what is done with them, as docs/openapi.json describes them.

/** A value typed by the object model; a multiple resource is an object from instance id to value. */
export type Value = string | number | boolean | null | { [id: string]: Value };

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  pointer?: string;
  parameter?: string;
  coap_code?: string;
  coap_reason?: string;
  no_answer?: string;
  lines?: LineMistake[];
}

export interface LineMistake {
  line: number;
  detail: string;
}

export type Role = 'read' | 'operate' | 'admin';

export interface Session {
  name: string | null;
  role: Role;
  expires_at: number | null;
  token_required: boolean;
}

export interface AnnouncedObject {
  id: number;
  version: string | null;
  name: string | null;
  instances: number[];
}

export interface Device {
  endpoint: string;
  tags?: string[];
  scheme: string;
  registration: string;
  address: string;
  identity: string;
  version: string;
  binding: string;
  queue_mode: boolean;
  awake: boolean;
  awake_until: number | null;
  queued: number;
  sms: string | null;
  lifetime: number;
  registered_at: number;
  updated_at: number;
  expires_at: number;
  root: string;
  formats: number[];
  objects: AnnouncedObject[];
}

export interface DevicePage {
  devices: Device[];
  total: number | null;
  next: string | null;
}

export interface Link {
  path: string | null;
  target: string;
  attributes: Record<string, string | null>;
}

export interface Answer {
  endpoint: string;
  operation: string;
  path: string;
  code: string;
  status: string;
  format: number | null;
  payload: string;
  value?: Value;
  type?: string;
  links?: Link[];
  location?: string;
  note?: string;
}

export type OperationState = 'queued' | 'sent' | 'done' | 'failed' | 'expired' | 'cancelled';

export interface Operation {
  id: string;
  endpoint: string;
  operation: string;
  path: string;
  state: OperationState;
  detail: string;
  via: string;
  priority: string;
  asked_by: string | null;
  created_at: number;
  expires_at: number;
  sent_at: number | null;
  ended_at: number | null;
  attempts: number;
  ahead: number | null;
  expected_by: number | null;
  triggered: boolean;
  code: string | null;
  status: string | null;
  no_answer: string | null;
  answer?: Answer;
  problem?: Problem;
}

/** What asking a device gives: its answer, or (202) the operation that waits for it. */
export type Outcome = { answer: Answer; queued?: undefined } | { queued: Operation; answer?: undefined };

export interface Observation {
  endpoint: string;
  path: string;
  accept: number | null;
  since: number;
  notifications: number;
}

export interface StoredValue {
  endpoint: string;
  path: string;
  time: number;
  value: Value;
  type: string;
  how: string;
  arrived_at: number;
}

export interface StoredPage {
  values: StoredValue[];
  next: string | null;
}

export interface Bucket {
  endpoint: string;
  path: string;
  time: number;
  count: number;
  min?: number;
  max?: number;
  avg?: number;
  first: Value;
  last: Value;
}

export interface CoapOption {
  number: number;
  name: string;
  value: string | number;
}

export interface TracedMessage {
  number: number;
  at: number;
  direction: 'uplink' | 'downlink';
  address: string;
  secure: boolean;
  size: number;
  summary: string;
  token?: string;
  options?: CoapOption[];
  payload: string | null;
  path?: string;
  content?: { format?: number; value?: Value; type?: string; links?: Link[]; note?: string };
}

export interface Trace {
  endpoint: string;
  until: number;
  lost_through: number;
  messages: TracedMessage[];
}

export interface ResourceDefinition {
  id: number;
  name: string;
  operations: string;
  multiple: boolean;
  mandatory: boolean;
  type: string;
  range: string;
  units: string;
  description: string;
}

export interface ObjectSummary {
  id: number;
  version: string;
  lwm2m_version: string;
  name: string;
  urn: string;
  multiple: boolean;
  mandatory: boolean;
  uploaded: boolean;
}

export interface ObjectDefinition extends ObjectSummary {
  description: string;
  resources: ResourceDefinition[];
}

export interface DroverEvent {
  id: string;
  number: number;
  kind: string;
  how?: string;
  at: number;
  endpoint: string;
  device?: Device;
  path?: string;
  address?: string;
  reason?: string;
  code?: string;
  status?: string;
  value?: Value;
  type?: string;
  session?: number;
  plan?: string;
  step?: number;
  steps?: number;
  operation?: string;
  operation_id?: string;
  state?: string;
  applied?: string;
  ahead?: number;
  text?: string;
}

export interface Gap {
  id: string;
  reason: string;
  lost: number | null;
}
