// SPDX-License-Identifier: Apache-2.0
// What progress bars are made of.
import { campaignOutcomes, campaignStages, type Bulk, type Campaign } from '../api/types-fleet';
import type { Part } from '../ui/Progress.svelte';

const outcomeTones: Record<string, Part['tone']> = {
  succeeded: 'ok', skipped: 'idle', failed: 'bad', 'timed-out': 'bad', vanished: 'bad', cancelled: 'warn',
};

export function campaignParts(c: Campaign): Part[] {
  const outcomes = campaignOutcomes.map((name) => ({ name, n: c.outcomes[name] ?? 0, tone: outcomeTones[name] ?? 'idle' }));
  const stages = campaignStages
    .filter((s) => s !== 'ended' && s !== 'waiting')
    .map((name) => ({ name, n: c.stages[name] ?? 0, tone: 'info' as const }))
    .reverse();
  return [...outcomes, ...stages];
}

export function bulkParts(b: Bulk): Part[] {
  const d = b.devices;
  return [
    { name: 'done', n: d.done, tone: 'ok' },
    { name: 'failed', n: d.failed, tone: 'bad' },
    { name: 'expired', n: d.expired, tone: 'warn' },
    { name: 'cancelled', n: d.cancelled, tone: 'warn' },
    { name: 'queued', n: d.queued, tone: 'info' },
    { name: 'sent', n: d.sent, tone: 'info' },
  ];
}
