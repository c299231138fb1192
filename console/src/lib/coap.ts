// SPDX-License-Identifier: Apache-2.0
import type { CoapOption } from '../api/types';

const formats: Record<number, string> = {
  0: 'text/plain',
  40: 'application/link-format',
  42: 'application/octet-stream',
  50: 'application/json',
  60: 'application/cbor',
  110: 'application/senml+json',
  112: 'application/senml+cbor',
  1542: 'tlv (1542)',
  1543: 'json (1543)',
  11542: 'application/vnd.oma.lwm2m+tlv',
  11543: 'application/vnd.oma.lwm2m+json',
};

export const formatName = (format: number | null | undefined): string =>
  format === null || format === undefined ? '' : (formats[format] ?? String(format));

export function optionValue(option: CoapOption): string {
  const value = String(option.value);
  const name = option.number === 12 || option.number === 17 ? formats[Number(value)] : undefined;
  return name ? `${value} (${name})` : value;
}

export interface Summary {
  type: string;
  id: string;
  code: string;
  rest: string;
}

/** The server gives type, message id and code in its one-line summary alone: "ACK 0xd254 2.05 Content tok=.. 18B". */
export function readSummary(summary: string): Summary {
  const match = /^(CON|NON|ACK|RST) (0x[0-9a-f]+) ?(.*)$/.exec(summary);
  if (!match) return { type: '', id: '', code: '', rest: summary };
  const tail = (match[3] ?? '').replace(/ ?tok=\S+.*$/, '');
  const code = /^(\d\.\d\d [A-Z]?[^/]*|\S+)(.*)$/.exec(tail);
  return { type: match[1] ?? '', id: match[2] ?? '', code: (code?.[1] ?? '').trim(), rest: (code?.[2] ?? '').trim() };
}
