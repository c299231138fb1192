// SPDX-License-Identifier: Apache-2.0
import { call, enc, get, type Query } from './http';
import type {
  Bulk, BulkBody, BulkDevice, Campaign, CampaignDevice, FirmwareImage, NewCampaign, Page, Rule, RuleDevice,
} from './types-fleet';
import type { Operation } from './types';

export type BulkAction = 'pause' | 'resume' | 'cancel' | 'retry';

export const fleet = {
  tags: (signal?: AbortSignal) => get<{ tags: { tag: string; devices: number }[] }>('/api/v1/tags', {}, signal),
  operations: (query: Query, signal?: AbortSignal) =>
    get<{ operations: Operation[]; next: string | null }>('/api/v1/operations', query, signal),

  bulks: (signal?: AbortSignal) => get<{ bulks: Bulk[] }>('/api/v1/bulk', {}, signal),
  bulk: (id: string, signal?: AbortSignal) => get<Bulk>(`/api/v1/bulk/${enc(id)}`, {}, signal),
  bulkDevices: (id: string, query: Query, signal?: AbortSignal) =>
    get<Page<BulkDevice>>(`/api/v1/bulk/${enc(id)}/devices`, query, signal),
  startBulk: (body: BulkBody) => call<Bulk>('POST', '/api/v1/bulk', { body }),
  changeBulk: (id: string, action: BulkAction) => call<Bulk>('POST', `/api/v1/bulk/${enc(id)}/${action}`),
  forgetBulk: (id: string) => call<Bulk>('DELETE', `/api/v1/bulk/${enc(id)}`),

  images: (signal?: AbortSignal) => get<{ images: FirmwareImage[] }>('/api/v1/images', {}, signal),
  upload: (name: string, version: string, data: Blob) =>
    call<FirmwareImage>('PUT', `/api/v1/images/${enc(name)}`, {
      query: { version },
      raw: { type: 'application/octet-stream', data },
    }),
  removeImage: (name: string) => call<FirmwareImage>('DELETE', `/api/v1/images/${enc(name)}`),

  campaigns: (signal?: AbortSignal) =>
    get<{ campaigns: Campaign[]; total: number; next: number | null }>('/api/v1/campaigns', {}, signal),
  campaign: (id: number, signal?: AbortSignal) => get<Campaign>(`/api/v1/campaigns/${id}`, {}, signal),
  campaignDevices: (id: number, query: Query, signal?: AbortSignal) =>
    get<Page<CampaignDevice> & { total: number }>(`/api/v1/campaigns/${id}/devices`, query, signal),
  startCampaign: (body: NewCampaign) => call<Campaign>('POST', '/api/v1/campaigns', { body }),
  changeCampaign: (id: number, action: BulkAction) => call<Campaign>('POST', `/api/v1/campaigns/${id}/${action}`),
  forgetCampaign: (id: number) => call<Campaign>('DELETE', `/api/v1/campaigns/${id}`),

  rules: (signal?: AbortSignal) => get<{ rules: Rule[] }>('/api/v1/rules', {}, signal),
  rule: (name: string, signal?: AbortSignal) => get<Rule>(`/api/v1/rules/${enc(name)}`, {}, signal),
  ruleDevices: (name: string, query: Query, signal?: AbortSignal) =>
    get<Page<RuleDevice>>(`/api/v1/rules/${enc(name)}/devices`, query, signal),
  putRule: (name: string, body: unknown) => call<Rule>('PUT', `/api/v1/rules/${enc(name)}`, { body }),
  removeRule: (name: string) => call<Rule>('DELETE', `/api/v1/rules/${enc(name)}`),
};
