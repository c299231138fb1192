// SPDX-License-Identifier: Apache-2.0
import type { OperationForm, Selection } from '../api/types-fleet';
import { count, dateTime, plural } from './format';

export function selectionText(s: Selection): string {
  if (s.all) return 'all registered devices';
  const parts: string[] = [];
  if (s.endpoints) parts.push(s.endpoints.length === 1 ? (s.endpoints[0] ?? '') : `${count(s.endpoints.length)} named devices`);
  if (s.name) parts.push(`named ${s.name}`);
  if (s.tags?.length) parts.push(`tagged ${s.tags.join(' and ')}`);
  if (s.manufacturer) parts.push(`made by ${s.manufacturer}`);
  if (s.model) parts.push(`model ${s.model}`);
  if (s.version) parts.push(`firmware ${s.version}`);
  if (s.object !== undefined) parts.push(`with object ${s.object}`);
  if (s.seen_after) parts.push(`seen after ${dateTime(s.seen_after)}`);
  if (s.seen_before) parts.push(`seen before ${dateTime(s.seen_before)}`);
  return parts.join(', ') || plural(0, 'device');
}

export function operationText(o: OperationForm): string {
  const extra =
    o.value !== undefined ? JSON.stringify(o.value)
    : o.arguments ? o.arguments
    : o.attributes ? Object.entries(o.attributes).map(([k, v]) => `${k}=${String(v)}`).join(' ')
    : '';
  return `${o.operation} ${o.path} ${extra}`.trim();
}
