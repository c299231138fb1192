// SPDX-License-Identifier: Apache-2.0

export interface Span {
  id: string;
  name: string;
  seconds: number;
  /** Seconds of a bucket; 0: the values themselves. */
  every: number;
}

export const ranges: readonly [Span, ...Span[]] = [
  { id: '1h', name: '1 hour', seconds: 3600, every: 0 },
  { id: '24h', name: '24 hours', seconds: 86400, every: 300 },
  { id: '7d', name: '7 days', seconds: 604800, every: 1800 },
  { id: 'all', name: 'All', seconds: 0, every: 3600 },
];

export interface Points {
  path: string;
  points: (readonly [number, number | null])[];
}

/** One time axis for several resources, as the chart needs it. */
export function align(lists: Points[]): { times: number[]; series: { path: string; values: (number | null | undefined)[] }[] } {
  const times = [...new Set(lists.flatMap((l) => l.points.map(([t]) => t)))].sort((a, b) => a - b);
  const at = new Map(times.map((t, i) => [t, i]));
  const series = lists.map(({ path, points }) => {
    const values = new Array<number | null | undefined>(times.length).fill(undefined);
    for (const [t, v] of points) values[at.get(t) ?? 0] = v;
    return { path, values };
  });
  return { times, series };
}
