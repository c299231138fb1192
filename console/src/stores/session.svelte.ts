// SPDX-License-Identifier: Apache-2.0
import { authority, problemOf } from '../api/http';
import { server } from '../api/server';
import type { Problem, Role } from '../api/types';

const key = 'drover.token';
const ranks: Record<Role, number> = { read: 0, operate: 1, admin: 2 };

class SessionStore {
  state = $state<'starting' | 'login' | 'open' | 'unreachable'>('starting');
  name = $state<string | null>(null);
  role = $state<Role>('admin');
  expiresAt = $state<number | null>(null);
  tokenRequired = $state(false);
  problem = $state.raw<Problem | null>(null);
  /** Why the login is shown, when somebody was in before. */
  ended = $state(false);

  constructor() {
    authority.token = sessionStorage.getItem(key) ?? localStorage.getItem(key);
    authority.refused = () => {
      if (this.state !== 'open') return;
      this.ended = true;
      this.#forget();
      this.state = 'login';
    };
  }

  can = (role: Role): boolean => ranks[this.role] >= ranks[role];
  /** Why a control isn't offered, as its title. */
  why = (role: Role): string => (this.can(role) ? '' : `Needs a token of role ${role}; this one is ${this.role}`);

  start = async (): Promise<void> => {
    try {
      const session = await server.session();
      this.name = session?.name ?? null;
      this.role = session?.role ?? 'admin';
      this.expiresAt = session?.expires_at ?? null;
      this.tokenRequired = session?.token_required ?? authority.token !== null;
      // A server that doesn't know this question doesn't refuse it either: whether a token is needed is seen elsewhere.
      if (!session) await server.status();
      this.problem = null;
      this.ended = false;
      this.state = 'open';
    } catch (error) {
      const problem = problemOf(error);
      this.problem = authority.token === null && problem.status === 401 ? null : problem;
      if (problem.status === 401) this.#forget();
      this.state = problem.status === 401 || problem.status === 403 ? 'login' : 'unreachable';
    }
  };

  async login(token: string, keep: boolean): Promise<void> {
    authority.token = token.trim();
    await this.start();
    if (this.state === 'open') (keep ? localStorage : sessionStorage).setItem(key, authority.token);
  }

  logout(): void {
    this.#forget();
    this.ended = false;
    this.problem = null;
    this.state = 'login';
  }

  #forget(): void {
    authority.token = null;
    sessionStorage.removeItem(key);
    localStorage.removeItem(key);
  }
}

export const session = new SessionStore();
