// SPDX-License-Identifier: Apache-2.0
import type { DroverEvent } from '../api/types';
import { showValue } from './format';

/** What happened, in a few words behind the kind. */
export function eventText(e: DroverEvent): string {
  switch (e.kind) {
    case 'registered':
      return e.device ? `${e.device.address}, lifetime ${e.device.lifetime} s, ${e.device.objects.length} objects` : '';
    case 'updated':
      return e.device ? e.device.address : '';
    case 'notification':
      return `${e.path ?? ''} ${e.value === undefined ? (e.status ?? '') : `= ${showValue(e.value, e.type)}`}`;
    case 'operation':
      return `${e.operation ?? ''} ${e.path ?? ''} ${e.state ?? ''}${e.code ? ` ${e.code}` : ''}`;
    case 'bootstrap-started':
      return `session ${e.session ?? ''}, plan ${e.plan ?? ''}`;
    case 'bootstrap-progress':
      return `session ${e.session ?? ''}, ${e.operation ?? ''} ${e.path ?? ''} ${e.code ?? ''} (${e.step ?? 0} of ${e.steps ?? 0})`;
    case 'bootstrap-ended':
      return `session ${e.session ?? ''} ${e.state ?? ''}${e.reason ? `: ${e.reason}` : ''}`;
    case 'observation-ended':
      return `${e.path ?? ''}${e.reason ? `: ${e.reason}` : ''}`;
    case 'refused':
    case 'bootstrap-refused':
      return `${e.address ?? ''} ${e.reason ?? ''}`;
    default:
      return e.path ?? '';
  }
}
