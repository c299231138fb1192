// SPDX-License-Identifier: Apache-2.0
import type { BootstrapMessage, BootstrapSession } from '../../api/types-fleet';

/** A request with its answer. */
export interface Step {
  operation: string;
  path: string;
  fromDevice: boolean;
  begin: number;
  end: number;
  /** null: no answer (yet). */
  code: string | null;
  status: string;
  text: string;
  bytes: number;
  format: number | null;
}

export function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(ms < 10000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
}

/** Pairs requests with what answers them: the next message of the other side about the same operation and path. */
export function stepsOf(session: BootstrapSession): Step[] {
  const steps: Step[] = [];
  const waiting: Step[] = [];
  for (const m of session.timeline ?? []) {
    const at = waiting.findIndex((s) => s.fromDevice !== m.from_device && s.operation === m.operation && s.path === m.path);
    const request = isAnswer(m, at >= 0) ? waiting[at] : undefined;
    if (request) {
      waiting.splice(at, 1);
      request.end = m.at_ms;
      request.code = m.code;
      request.status = m.status ?? '';
      request.text ||= m.text;
      if (request.operation === 'Bootstrap-Discover') request.bytes = m.payload_bytes;
      continue;
    }
    const step: Step = {
      operation: m.operation, path: m.path, fromDevice: m.from_device, begin: m.at_ms, end: m.at_ms, code: m.code,
      status: m.status ?? '', text: m.text, bytes: m.payload_bytes, format: m.format,
    };
    steps.push(step);
    if (m.code === null) waiting.push(step);
  }
  for (const step of waiting) if (!session.ended_at_ms) step.end = Date.now();
  return steps;
}

function isAnswer(m: BootstrapMessage, asked: boolean): boolean {
  return asked && (m.code !== null || m.text !== '');
}

/** Marks of an axis: round numbers, five or so. */
export function marks(total: number): number[] {
  const rough = Math.max(total, 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  const out: number[] = [];
  for (let at = 0; at <= total; at += step) out.push(at);
  return out;
}
