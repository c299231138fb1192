// SPDX-License-Identifier: Apache-2.0
import type { Component } from 'svelte';
import type { Role } from '../api/types';
import type { IconName } from '../ui/Icon.svelte';

type View = Promise<{ default: Component }>;

export interface PageEntry {
  id: string;
  name: string;
  icon: IconName;
  role: Role;
  load: (rest: string[]) => View;
}

/** What the first segment of a route opens. Each is fetched when it is first looked at. */
export const pages: readonly PageEntry[] = [
  { id: 'overview', name: 'Overview', icon: 'overview', role: 'read', load: () => import('./overview/Overview.svelte') },
  {
    id: 'devices', name: 'Devices', icon: 'devices', role: 'read',
    load: (rest): View => (rest.length ? import('./device/DevicePage.svelte') : import('./devices/Devices.svelte')),
  },
  { id: 'operations', name: 'Bulk operations', icon: 'operations', role: 'read', load: () => import('./operations/Bulk.svelte') },
  { id: 'firmware', name: 'Firmware', icon: 'firmware', role: 'read', load: () => import('./firmware/Firmware.svelte') },
  { id: 'rules', name: 'Rules', icon: 'rules', role: 'operate', load: () => import('./rules/Rules.svelte') },
  { id: 'bootstrap', name: 'Bootstrap', icon: 'bootstrap', role: 'read', load: () => import('./bootstrap/Bootstrap.svelte') },
  { id: 'credentials', name: 'Credentials', icon: 'credentials', role: 'admin', load: () => import('./credentials/Credentials.svelte') },
  { id: 'events', name: 'Events', icon: 'events', role: 'read', load: () => import('./events/Events.svelte') },
  { id: 'models', name: 'Models', icon: 'models', role: 'read', load: () => import('./models/Models.svelte') },
  { id: 'admin', name: 'Administration', icon: 'admin', role: 'read', load: () => import('./admin/Admin.svelte') },
];
