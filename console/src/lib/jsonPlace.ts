// SPDX-License-Identifier: Apache-2.0
import type { Problem } from '../api/types';

/** Of "servers[1].security.key: ..." or "/steps/0" the members on the way. */
function wayOf(problem: Problem): string[] {
  if (problem.pointer) return problem.pointer.split('/').slice(1).map((p) => p.replaceAll('~1', '/').replaceAll('~0', '~'));
  const match = /^([A-Za-z_][\w-]*(?:\[\d+\]|\.[\w-]+)*)\s*:/.exec(problem.detail);
  return match?.[1] ? match[1].split(/[.[\]]/).filter(Boolean) : [];
}

/** The line, from 0, of the member that a problem is about; null when it can't be found. */
export function placeIn(text: string, problem: Problem): number | null {
  const syntax = /line (\d+) column/.exec(problem.detail) ?? /position (\d+)/.exec(problem.detail);
  if (syntax?.[1] && problem.type === 'about:blank') {
    return syntax[0].startsWith('line') ? Number(syntax[1]) - 1 : lineAt(text, Number(syntax[1]));
  }
  const way = wayOf(problem);
  let at = 0;
  let found = false;
  for (const member of way) {
    const next = /^\d+$/.test(member) ? element(text, at, Number(member)) : afterKey(text, at, member);
    if (next < 0) break;
    at = next;
    found = true;
  }
  return found ? lineAt(text, at) : null;
}

const lineAt = (text: string, at: number): number => text.slice(0, at).split('\n').length - 1;

function afterKey(text: string, from: number, key: string): number {
  const open = text.indexOf('{', from);
  if (open < 0) return -1;
  let found = -1;
  walk(text, open, (at) => {
    if (found < 0 && text.startsWith(JSON.stringify(key), at) && /^\s*:/.test(text.slice(at + key.length + 2))) found = at + key.length + 2;
  });
  return found;
}

function element(text: string, from: number, index: number): number {
  const open = text.indexOf('[', from);
  if (open < 0) return -1;
  let seen = 0;
  let found = index === 0 ? open + 1 : -1;
  walk(text, open, (at, char) => {
    if (char === ',' && ++seen === index) found = at + 1;
  });
  if (found < 0) return -1;
  return found + (/^\s*/.exec(text.slice(found))?.[0].length ?? 0);
}

/** Each place directly inside the brackets at `open`. */
function walk(text: string, open: number, visit: (at: number, char: string) => void): void {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '"') {
      if (depth === 1) visit(at, char);
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
    } else if ('{['.includes(char)) depth++;
    else if ('}]'.includes(char)) {
      if (--depth === 0) return;
    } else if (depth === 1) visit(at, char);
  }
}
