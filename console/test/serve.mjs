// SPDX-License-Identifier: Apache-2.0
// Serves dist as droverd does, headers included, before a droverd that doesn't: node test/serve.mjs PORT http://127.0.0.1:8080
import { createServer, request } from 'node:http';
import { readFileSync, existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; " +
  "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** @returns {Promise<{url: string, close: () => void}>} */
export function serve(api, port = 0) {
  const target = new URL(api);
  const server = createServer((req, res) => {
    const path = new URL(req.url, 'http://localhost').pathname;
    if (/^\/(api\/|openapi\.json$|healthz$|readyz$|metrics$)/.test(path)) {
      const out = request({ host: target.hostname, port: target.port, path: req.url, method: req.method, headers: { ...req.headers, host: target.host, ...(req.headers.origin && { origin: target.origin }) } }, (answer) => {
        res.writeHead(answer.statusCode, answer.headers);
        res.flushHeaders();
        answer.pipe(res);
        answer.on('error', () => res.destroy());
        answer.on('close', () => { if (!answer.complete) res.destroy(); });
      });
      out.on('error', () => { if (res.headersSent) res.destroy(); else res.writeHead(502).end(); });
      res.on('close', () => out.destroy());
      req.pipe(out);
      return;
    }
    const file = join(dist, normalize(path === '/' ? '/index.html' : path));
    if (!file.startsWith(dist) || !existsSync(file)) return void res.writeHead(404).end();
    res.writeHead(200, {
      'Content-Type': types[/\.[a-z]+$/.exec(file)?.[0]] ?? 'application/octet-stream', 'Content-Security-Policy': policy,
      'Referrer-Policy': 'no-referrer', 'X-Content-Type-Options': 'nosniff',
    });
    res.end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () =>
    resolve({ url: `http://127.0.0.1:${server.address().port}`, close: () => { server.closeAllConnections(); server.close(); } })));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await serve(process.argv[3] ?? 'http://127.0.0.1:8080', Number(process.argv[2] ?? 8081));
  console.log(url);
}
