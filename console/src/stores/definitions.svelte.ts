// SPDX-License-Identifier: Apache-2.0
import { server } from '../api/server';
import type { ObjectDefinition, ResourceDefinition } from '../api/types';

/** Object definitions, fetched once each; null: the server knows none. */
class Definitions {
  #known = $state.raw<ReadonlyMap<string, ObjectDefinition | null>>(new Map());
  #asked = new Set<string>();

  of(id: number, version: string | null = null): ObjectDefinition | null | undefined {
    return this.#known.get(`${id}/${version ?? '1.0'}`);
  }

  async want(id: number, version: string | null = null): Promise<void> {
    const key = `${id}/${version ?? '1.0'}`;
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    let definition: ObjectDefinition | null = null;
    try {
      definition = await server.object(id, version);
    } catch {
      // Most devices have some object that nobody described; it is shown by its numbers.
    }
    this.#known = new Map([...this.#known, [key, definition]]);
  }

  forget(): void {
    this.#known = new Map();
    this.#asked.clear();
  }

  resource(path: string, version: string | null = null): ResourceDefinition | undefined {
    const [, object, , resource] = path.split('/');
    return this.of(Number(object), version)?.resources.find((r) => r.id === Number(resource));
  }
}

export const definitions = new Definitions();
