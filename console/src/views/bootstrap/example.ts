// SPDX-License-Identifier: Apache-2.0

/** What the editor of a new plan begins with: one LwM2M Server whose keys are made. */
export const example = JSON.stringify(
  {
    name: 'factory',
    endpoints: ['urn:dev:os:pump-*'],
    keys: 'keep',
    servers: [{ id: 101, uri: 'coaps://lwm2m.example', lifetime: 3600, security: { mode: 'psk' } }],
  },
  null,
  2,
);
