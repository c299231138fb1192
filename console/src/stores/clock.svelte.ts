// SPDX-License-Identifier: Apache-2.0

/** Unix seconds, once a second while the tab can be seen. */
class Clock {
  now = $state(Math.floor(Date.now() / 1000));

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.now = Math.floor(Date.now() / 1000);
    }, 1000);
  }
}

export const clock = new Clock();
