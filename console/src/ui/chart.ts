// SPDX-License-Identifier: Apache-2.0
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Series {
  name: string;
  values: (number | null | undefined)[];
  unit?: string;
}

export interface Look {
  height: number;
  axis: (value: number) => string;
  /** Unix seconds at both ends; without it those of the data. */
  range?: (() => [number, number]) | undefined;
  zero?: boolean;
  points?: boolean;
  legend: boolean;
}

/** Canvases know no custom properties: what an element would be painted with. */
function colour(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export const colourNames = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6'] as const;

function translucent(rgb: string): string {
  return rgb.replace(/^rgb\(([^)]*)\)$/, 'rgba($1, 0.1)');
}

export function draw(
  node: HTMLElement, times: number[], series: Series[], look: Look, hover: (index: number | null) => void,
): uPlot {
  const text = colour('muted');
  const line = colour('line');
  const font = '11px system-ui, sans-serif';
  return new uPlot(
    {
      width: Math.max(node.clientWidth, 120),
      height: look.height,
      legend: { show: false },
      padding: [8, 26, 0, 0],
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      hooks: { setCursor: [(u) => hover(u.cursor.idx ?? null)] },
      scales: {
        x: { time: true, ...(look.range && { range: look.range }) },
        y: {
          range: (_u, min, max) => {
            if (look.zero) return [0, Math.max(max || 0, 1) * 1.1];
            const pad = (max - min || Math.abs(max) || 1) * 0.1;
            return [min - pad, max + pad];
          },
        },
      },
      axes: [
        {
          stroke: text, font, size: 26, space: 76, grid: { show: false }, ticks: { stroke: line, width: 1, size: 4 },
          values: [
            [86400, '{D}. {MMM}', null, null, null, null, null, null, 1],
            [3600, '{HH}:{mm}', '\n{D}. {MMM}', null, null, null, null, null, 1],
            [60, '{HH}:{mm}', null, null, null, null, null, null, 1],
            [1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1],
          ],
        },
        {
          stroke: text, font, size: 48, space: 32, grid: { stroke: line, width: 1 }, ticks: { show: false },
          values: (_u, splits) => splits.map(look.axis),
        },
      ],
      series: [
        {},
        ...series.map((s, i) => {
          const stroke = colour(colourNames[i % colourNames.length] ?? 'c1');
          return {
            label: s.name, stroke, width: 1.5, spanGaps: true, points: { show: look.points ?? false, size: 4 },
            ...(i === 0 && look.zero && { fill: translucent(stroke) }),
          };
        }),
      ],
    },
    [times, ...series.map((s) => s.values)] as uPlot.AlignedData,
    node,
  );
}
