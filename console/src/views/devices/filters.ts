// SPDX-License-Identifier: Apache-2.0
import type { Query } from '../../api/http';
import type { Selection } from '../../api/types-fleet';

export const filterNames = ['tag', 'manufacturer', 'model', 'version', 'object', 'seen_after', 'seen_before'] as const;

/** Of the route what the API wants: its search doesn't go together with filters, a pattern of the name does. */
export function queryOf(route: URLSearchParams): Query {
  const search = route.get('q') ?? '';
  const filters = Object.fromEntries(filterNames.filter((n) => route.has(n)).map((n) => [n, route.get(n)]));
  if (!Object.keys(filters).length) return search ? { search } : {};
  return search ? { ...filters, name: `*${search}*` } : filters;
}

/** The same devices for a bulk operation. */
export function selectionOf(route: URLSearchParams): Selection {
  const selection: Selection = {};
  const search = route.get('q');
  if (search) selection.name = `*${search}*`;
  for (const name of ['manufacturer', 'model', 'version'] as const) {
    const value = route.get(name);
    if (value) selection[name] = value;
  }
  const tag = route.get('tag');
  if (tag) selection.tags = tag.split(',').map((t) => t.trim());
  for (const name of ['object', 'seen_after', 'seen_before'] as const) {
    const value = route.get(name);
    if (value) selection[name] = Number(value);
  }
  return Object.keys(selection).length ? selection : { all: true };
}
