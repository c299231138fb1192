// SPDX-License-Identifier: Apache-2.0
// Values as people type them, by the data types of the object model.
import type { Value } from '../api/types';
import { fromBase64, fromHex, toBase64, toHex } from './bytes';
import { Exact } from './json';

export type Parsed = { value: unknown; error?: undefined } | { error: string };

export function parseValue(type: string, text: string): Parsed {
  const word = text.trim();
  switch (type) {
    case 'Integer':
      if (!/^[+-]?\d{1,19}$/.test(word)) return { error: 'A whole number, such as 42' };
      return { value: new Exact(String(BigInt(word))) };
    case 'Float':
      if (['NaN', 'Infinity', '-Infinity'].includes(word)) return { value: word };
      if (word === '' || !Number.isFinite(Number(word))) return { error: 'A number, such as 21.5' };
      return { value: Number(word) };
    case 'Boolean':
      return word === 'true' || word === 'false' ? { value: word === 'true' } : { error: 'true or false' };
    case 'Time': {
      if (/^-?\d+$/.test(word)) return { value: Number(word) };
      const at = Date.parse(word);
      return Number.isNaN(at) ? { error: 'A date with its time, or Unix seconds' } : { value: Math.floor(at / 1000) };
    }
    case 'Objlnk':
      return /^\d{1,5}:\d{1,5}$/.test(word) ? { value: word } : { error: 'OBJECT:INSTANCE, such as 3:0' };
    case 'Opaque': {
      const data = fromHex(word);
      return data ? { value: toBase64(data) } : { error: 'Hexadecimal digits, two a byte' };
    }
    default:
      return { value: text };
  }
}

/** What the editor begins with. */
export function editText(type: string, value: Value | undefined): string {
  if (value === undefined || value === null) return type === 'Boolean' ? 'false' : '';
  if (type === 'Opaque' && typeof value === 'string') {
    try {
      return toHex(fromBase64(value));
    } catch {
      return '';
    }
  }
  if (type === 'Time' && typeof value === 'number') return localTime(value);
  return String(value);
}

/** As <input type="datetime-local"> wants it. */
export function localTime(unix: number): string {
  const at = new Date(unix * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}

export interface Leaf {
  path: string;
  value: Value;
}

/** Of the value of an object, instance or resource what each resource, or resource instance, has. */
export function leaves(path: string, value: Value): Leaf[] {
  if (typeof value !== 'object' || value === null) return [{ path, value }];
  return Object.entries(value).flatMap(([id, v]) => leaves(`${path}/${id}`, v));
}
