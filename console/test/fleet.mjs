// SPDX-License-Identifier: Apache-2.0
// Starts droverd and devices on free loopback ports, and ends them by their ids.
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from './serve.mjs';

export const binaries = process.env.DROVER_BINARIES ?? fileURLToPath(new URL('../../build/release/bin', import.meta.url));

const udpPort = () => new Promise((resolve) => {
  const s = createSocket('udp4').bind(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); });
});
const tcpPort = () => new Promise((resolve) => {
  const s = createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); });
});
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what, check, seconds = 40) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    try {
      const value = await check();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`no ${what} in ${seconds} s${last ? `: ${last.message}` : ''}`);
}

export class Fleet {
  children = new Map();
  token = null;

  static async start({ tokens = [], args = [], config = '', bootstrap = false } = {}) {
    const fleet = new Fleet();
    // Whatever ends this process, nothing stays behind.
    process.on('exit', () => { for (const child of fleet.children.values()) child.kill('SIGKILL'); });
    fleet.folder = mkdtempSync(join(tmpdir(), 'drover-console-'));
    fleet.store = join(fleet.folder, 'droverd.db');
    fleet.coap = await udpPort();
    fleet.coaps = await udpPort();
    fleet.boot = await udpPort();
    fleet.port = await tcpPort();
    fleet.api = `http://127.0.0.1:${fleet.port}`;
    fleet.args = [
      '--listen', `127.0.0.1:${fleet.coap}`, '--secure-listen', `127.0.0.1:${fleet.coaps}`, '--api', `127.0.0.1:${fleet.port}`,
      '--store', fleet.store, '--log', 'warn', ...(bootstrap ? ['--bootstrap-secure-listen', `127.0.0.1:${fleet.boot}`] : []), ...args,
    ];
    if (config) {
      fleet.config = fleet.file('droverd.toml', config);
      fleet.args.unshift('--config', fleet.config);
    }
    fleet.tokens = {};
    for (const role of tokens) fleet.tokens[role] = (await fleet.run('droverd', ['--store', fleet.store, '--add-token', `${role}er:${role}`])).trim();
    fleet.token = fleet.tokens.admin ?? null;
    await fleet.serverStart();
    fleet.tellsRoles = (await fetch(`${fleet.api}/api/v1/session`, { headers: { Authorization: `Bearer ${fleet.token}` } })).status !== 404;
    // A droverd that serves this very console is used as it is; one that has none, or another, gets the proxy before it.
    const own = await fetch(`${fleet.api}/`).then((r) => r.text()).catch(() => '');
    fleet.direct = own === readFileSync(new URL('../dist/index.html', import.meta.url), 'utf8') && process.env.DROVER_CONSOLE_PROXY !== '1';
    fleet.proxy = fleet.direct ? null : await serve(fleet.api);
    fleet.url = fleet.direct ? fleet.api : fleet.proxy.url;
    return fleet;
  }

  async serverStart() {
    const server = this.spawn('server', 'droverd', this.args);
    const ended = server.over.then(() => { throw new Error(`droverd ended: ${server.output}`); });
    await Promise.race([until('droverd', async () => (await fetch(`${this.api}/readyz`)).ok), ended]);
    ended.catch(() => {});
  }
  serverKill() {
    return this.end('server', 'SIGKILL');
  }

  file(name, text) {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  run(program, args) {
    return new Promise((resolve, reject) => {
      const child = spawn(join(binaries, program), args, { stdio: ['ignore', 'pipe', 'pipe'] });
      let out = '', err = '';
      child.stdout.on('data', (d) => (out += d));
      child.stderr.on('data', (d) => (err += d));
      child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`${program} ${args.join(' ')}: ${code}\n${err}${out}`))));
    });
  }

  spawn(name, program, args) {
    const child = spawn(join(binaries, program), args, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d) => (child.output = (child.output + d).slice(-20000)));
    child.over = new Promise((resolve) => child.on('close', resolve));
    this.children.set(name, child);
    return child;
  }

  device(endpoint, { config, extra = [], coaps = false } = {}) {
    const uri = coaps ? `coaps://127.0.0.1:${this.coaps}` : `coap://127.0.0.1:${this.coap}`;
    return this.spawn(endpoint, 'drover-device', ['--endpoint', endpoint, ...(extra.includes('--bootstrap') ? [] : ['--server', uri]), ...(config ? ['--config', config] : []), ...extra]);
  }

  swarm(count, { prefix = 'urn:dev:os:swarm-', extra = [] } = {}) {
    return this.spawn(`swarm ${prefix}`, 'drover-swarm', ['--server', `127.0.0.1:${this.coap}`, '--count', String(count), '--prefix', prefix, ...extra]);
  }

  async call(method, path, body) {
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(`${this.api}${path}`, {
      method, body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
      headers: { ...(this.token && { Authorization: `Bearer ${this.token}` }), ...(body !== undefined && { 'Content-Type': raw ? 'application/octet-stream' : 'application/json' }) },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
  registered(endpoint) {
    return until(`registration of ${endpoint}`, () => this.call('GET', `/api/v1/devices/${encodeURIComponent(endpoint)}`));
  }

  async end(name, signal = 'SIGTERM') {
    const child = this.children.get(name);
    if (!child) return;
    this.children.delete(name);
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 4000);
    await child.over;
    clearTimeout(late);
  }
  async stop() {
    for (const name of [...this.children.keys()].reverse()) await this.end(name, 'SIGKILL');
    this.proxy?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
