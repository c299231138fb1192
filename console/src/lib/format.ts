// SPDX-License-Identifier: Apache-2.0
import type { Value } from '../api/types';

const number = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 6 });
const short = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumFractionDigits: 1 });

export const count = (n: number): string => number.format(n);
export const compact = (n: number): string => (n < 10000 ? count(n) : short.format(n));

export const rate = (perSecond: number): string =>
  perSecond >= 100 ? count(Math.round(perSecond)) : perSecond >= 10 ? perSecond.toFixed(1) : perSecond.toFixed(2);

const two = (n: number): string => String(n).padStart(2, '0');

export function clockTime(unix: number, millis = false): string {
  const d = new Date(unix * 1000);
  const text = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return millis ? `${text}.${String(d.getMilliseconds()).padStart(3, '0')}` : text;
}

export function dateTime(unix: number): string {
  const d = new Date(unix * 1000);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clockTime(unix)}`;
}

export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 && s < 600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.round(s / 60)} min`;
  if (s < 86400) {
    const minutes = Math.round((s % 3600) / 60);
    return minutes && minutes < 60 ? `${Math.floor(s / 3600)} h ${minutes} min` : `${Math.round(s / 3600)} h`;
  }
  const hours = Math.floor((s % 86400) / 3600);
  return hours && s < 864000 ? `${Math.floor(s / 86400)} d ${hours} h` : `${Math.floor(s / 86400)} d`;
}

/** How long ago in one unit: for columns. */
export function ago(unix: number, now: number): string {
  const s = Math.max(0, Math.floor(now - unix));
  if (s < 5) return 'now';
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} d ago`;
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} kB`;
  if (n < 1e9) return `${(n / 1e6).toFixed(1)} MB`;
  return `${(n / 1e9).toFixed(2)} GB`;
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`;

/** A float without the digits that a 32-bit one doesn't have. */
function float(n: number): string {
  const shortest = String(n);
  return shortest.length > 9 ? String(Number(n.toPrecision(7))) : shortest;
}

export function showValue(value: Value | undefined, type = ''): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (typeof value === 'number') {
    if (type === 'Time') return dateTime(value);
    return type === 'Float' || !Number.isInteger(value) ? float(value) : String(value);
  }
  if (typeof value === 'object') {
    return Object.entries(value).map(([id, v]) => `${id}: ${showValue(v, type)}`).join(', ');
  }
  return value;
}

export const isNumeric = (value: Value | undefined): value is number => typeof value === 'number';

/** Paths by their numbers: /3/0/9 before /3/0/10. */
export function comparePaths(a: string, b: string): number {
  const x = a.split('/').map(Number);
  const y = b.split('/').map(Number);
  for (let i = 1; i < Math.max(x.length, y.length); i++) {
    const d = (x[i] ?? -1) - (y[i] ?? -1);
    if (d) return d;
  }
  return 0;
}
