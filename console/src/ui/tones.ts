// SPDX-License-Identifier: Apache-2.0

export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'idle' | 'plain';

const tones: Record<string, Tone> = {
  awake: 'ok', registered: 'ok', done: 'ok', finished: 'ok', succeeded: 'ok', enabled: 'ok', ready: 'ok', connected: 'ok', yes: 'ok',
  failed: 'bad', refused: 'bad', 'bootstrap-refused': 'bad', stopped: 'bad', 'timed-out': 'bad', vanished: 'bad', 'not ready': 'bad',
  expired: 'warn', paused: 'warn', disabled: 'warn', unknown: 'warn', queued: 'warn',
  running: 'info', sent: 'info', selecting: 'info', waiting: 'info', transferring: 'info', downloading: 'info', updating: 'info',
  checking: 'info', starting: 'info', verifying: 'info', observing: 'info', resetting: 'info', scheduled: 'info',
  updated: 'idle', notification: 'info', operation: 'info', deregistered: 'warn', 'bootstrap-started': 'info',
  'bootstrap-progress': 'info',
};

export const toneOf = (text: string): Tone => tones[text] ?? 'idle';
