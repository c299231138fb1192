// SPDX-License-Identifier: Apache-2.0
import type { Selection } from '../api/types-fleet';

/** Devices that were chosen in the list, on their way to a form: too many for a link. */
export const draft: { selection: Selection | null } = { selection: null };
