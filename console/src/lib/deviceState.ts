// SPDX-License-Identifier: Apache-2.0
import type { Device } from '../api/types';

/** Between two answers of the server time goes on: a device falls asleep by itself. */
export function stateOf(d: Pick<Device, 'queue_mode' | 'awake_until'>, now: number): 'awake' | 'asleep' | 'registered' {
  if (!d.queue_mode) return 'registered';
  return d.awake_until !== null && d.awake_until > now ? 'awake' : 'asleep';
}

/** "psk "sensor-1"" and the like in a word. */
export function securityOf(identity: string): string {
  if (identity === 'none' || !identity) return 'none';
  if (identity.startsWith('psk')) return 'PSK';
  if (identity.startsWith('certificate')) return 'X.509';
  if (identity.startsWith('public-key')) return 'RPK';
  return identity.split(' ')[0] ?? identity;
}
