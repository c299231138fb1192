// SPDX-License-Identifier: Apache-2.0
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const server = process.env['DROVER_API'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // The polyfill and inlined assets would be data: URLs and inline code, which the Content-Security-Policy forbids.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // Over HTTP/1.1 a file costs more than a few kilobytes too many.
    rollupOptions: { output: { experimentalMinChunkSize: 8000 } },
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/openapi.json', '/healthz', '/readyz'].map((path) => [path, { target: server, changeOrigin: true, headers: { origin: server } }]),
    ),
  },
});
