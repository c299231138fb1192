// SPDX-License-Identifier: Apache-2.0
import type { ResourceDefinition } from '../../api/types';
import type { DeviceModel } from './model.svelte';

/** IPSO sensors say in /5701 beside it what their value (/5700, and its extremes) is measured in. */
export function unitOf(model: DeviceModel, path: string, definition: ResourceDefinition | undefined): string {
  if (definition?.units) return definition.units;
  const match = /^(\/\d+\/\d+)\/(5700|5601|5602|5603|5604)$/.exec(path);
  const unit = match ? model.values.get(`${match[1]}/5701`)?.value : undefined;
  return typeof unit === 'string' ? unit : '';
}
