// SPDX-License-Identifier: Apache-2.0

export type Theme = 'system' | 'light' | 'dark';
const key = 'drover.theme';

function stored(): Theme {
  const value = localStorage.getItem(key);
  return value === 'light' || value === 'dark' ? value : 'system';
}

class ThemeStore {
  value = $state<Theme>(stored());
  /** Rises with each change of what is seen, for canvases, which have to be drawn again. */
  version = $state(0);

  constructor() {
    this.#apply();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.version++);
  }

  set(value: Theme): void {
    this.value = value;
    if (value === 'system') localStorage.removeItem(key);
    else localStorage.setItem(key, value);
    this.#apply();
  }

  #apply(): void {
    if (this.value === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = this.value;
    this.version++;
  }
}

export const theme = new ThemeStore();
