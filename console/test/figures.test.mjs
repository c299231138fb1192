// SPDX-License-Identifier: Apache-2.0
// What it costs: size of the first load, time to a usable page, and scrolling through 100,000 devices.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { test } from 'node:test';
import { Fleet, until } from './fleet.mjs';
import { close, Tab } from './browser.mjs';

const devices = Number(process.env.DROVER_CONSOLE_DEVICES ?? 100000);

test('figures', { skip: process.env.DROVER_CONSOLE_FIGURES !== '1', timeout: 900000 }, async () => {
  const fleet = await Fleet.start({ tokens: ['admin'], config: '[limits]\ndatagrams_per_second = 0\n' });
  try {
    fleet.swarm(devices, { extra: ['--source', 'addresses', '--sensors', '1', '--lifetime', '86400'] });
    await until('a swarm', async () => (await fleet.call('GET', '/api/v1/status')).devices >= devices, 600);
    const tab = await Tab.open(fleet);
    const { page } = tab;
    let size = 0;
    const sizes = [];
    page.on('response', async (r) => {
      const path = new URL(r.url()).pathname;
      if (path !== '/' && !/^\/(assets|favicon)/.test(path)) return;
      sizes.push(r.body().then((b) => (size += gzipSync(b, { level: 9 }).length)).catch(() => {}));
    });
    const began = Date.now();
    await page.goto(`${fleet.url}/`);
    await until('the count', async () => /\d/.test(await page.locator('[data-figure=devices]').innerText()));
    const usable = Date.now() - began;
    await page.locator('canvas').first().waitFor();
    await Promise.all(sizes);
    const js = await page.evaluate(() => performance.getEntriesByType('resource').filter((e) => /assets/.test(e.name)).length);
    console.log(`first load: ${(size / 1000).toFixed(1)} kB gzipped in ${js + 1} files; usable after ${usable} ms`);
    assert.ok(size < 100000);

    await tab.visit('devices');
    const grid = page.getByRole('grid');
    await grid.waitFor();
    const start = Date.now();
    await until('the end', async () => {
      await grid.evaluate((g) => (g.scrollTop = g.scrollHeight));
      return (await grid.getAttribute('aria-rowcount')) === String(devices + 1);
    }, 600);
    const requests = await page.evaluate(() => performance.getEntriesByType('resource').filter((e) => /api\/v1\/devices\?/.test(e.name)).map((e) => e.duration));
    requests.sort((a, b) => a - b);
    const frames = await grid.evaluate(async (g) => {
      let worst = 0;
      let last = performance.now();
      for (let i = 0; i < 60; i++) {
        g.scrollTop = (g.scrollHeight * ((i * 37) % 60)) / 60;
        await new Promise(requestAnimationFrame);
        worst = Math.max(worst, performance.now() - last);
        last = performance.now();
      }
      return worst;
    });
    const rows = await page.locator('[role=row][id]').count();
    console.log(`${devices} devices to the end in ${((Date.now() - start) / 1000).toFixed(1)} s: ${requests.length} requests seen by the page, median ${requests[requests.length >> 1]?.toFixed(0)} ms, slowest ${requests.at(-1)?.toFixed(0)} ms; worst frame of 60 jumps ${frames.toFixed(0)} ms; ${rows} rows in the page`);
    await page.getByLabel('Search endpoints').fill('swarm-99');
    const typed = Date.now();
    await until('matches', async () => (await grid.getAttribute('aria-rowcount')) !== String(devices + 1));
    console.log(`search after ${Date.now() - typed} ms`);
    assert.deepEqual(await tab.close(), []);
  } finally {
    await close();
    await fleet.stop();
  }
});
