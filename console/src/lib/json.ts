// SPDX-License-Identifier: Apache-2.0
// LwM2M integers have 64 bits, a JavaScript number has 53: longer ones are kept as text, digit for digit.

const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(
    text.replace(token, (word) =>
      /^-?\d{16,}$/.test(word) && !Number.isSafeInteger(Number(word)) ? `"${word}"` : word,
    ),
  );
}

/** A number that goes into JSON as it was typed. */
export class Exact {
  constructor(readonly digits: string) {}
}

export function writeJson(value: unknown): string {
  if (value instanceof Exact) return value.digits;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${writeJson(member)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
