// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Fleet, sleep, until } from './fleet.mjs';
import { close, Tab } from './browser.mjs';
import { accessibility, overflow } from './check.mjs';

const managed = fileURLToPath(new URL('./device.toml', import.meta.url));
const device = 'urn:dev:os:console-1';
const booted = 'urn:dev:os:boot-1';
const at = (rest) => `devices/${device}/${rest}`;
let fleet;

/** Runs with a tab that must have nothing to complain of at the end. */
function inTab(name, options, work) {
  test(name, async () => {
    const tab = await Tab.open(fleet, options.role ? { ...options, token: fleet.tokens[options.role] } : options);
    try {
      await work(tab.page, tab);
    } catch (error) {
      await tab.close();
      throw error;
    }
    assert.deepEqual(await tab.close(), []);
  });
}
const text = (locator) => locator.innerText().then((t) => t.trim());

before(async () => {
  fleet = await Fleet.start({ tokens: ['admin', 'operate', 'read'], bootstrap: true });
  fleet.device(device, { config: managed });
  fleet.swarm(450, { extra: ['--sensors', '1', '--lifetime', '3600'] });
  await fleet.registered(device);
  await until('a swarm', async () => (await fleet.call('GET', '/api/v1/status')).devices >= 451);
});
after(async () => {
  await close();
  await fleet?.stop();
});

inTab('a wrong token is refused, the right one opens the page that was asked for, and signing out closes it', { token: null }, async (page, tab) => {
  tab.failing = true;
  await tab.visit(at('history'));
  await page.getByLabel('Token').fill('drover_wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Token').fill(fleet.tokens.admin);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: device }).waitFor();
  assert.match(page.url(), /history$/);
  assert.equal(await page.evaluate(() => localStorage.getItem('drover.token')), null);
  await page.reload();
  await page.getByRole('heading', { name: device }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in to Drover' }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem('drover.token')), null);
});

inTab('a token of role read sees no way to change anything', { role: 'read' }, async (page, tab) => {
  if (!fleet.tellsRoles) return; // a droverd of before GET /api/v1/session
  await tab.visit(at('objects/3/0'));
  await page.getByRole('button', { name: 'Read /3/0/0', exact: true }).waitFor();
  for (const name of [/^Write \/3/, /^Execute/, /^Observe/, /^Attributes/]) assert.equal(await page.getByRole('button', { name }).count(), 0, String(name));
  assert.equal(await page.getByRole('link', { name: 'Credentials', exact: true }).count(), 0);
  await tab.visit('devices');
  await page.getByRole('row').nth(3).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Bulk operation' }).count(), 0);
  for (const route of ['bootstrap/plans', at('protocol'), 'admin', 'credentials', 'rules']) {
    await tab.visit(route);
    await sleep(200);
    assert.equal(await page.getByRole('alert').count(), 0, route);
  }
});

inTab('the overview counts live', {}, async (page, tab) => {
  await tab.visit('overview');
  const devices = page.locator('[data-figure=devices]');
  await until('a count', async () => Number((await text(devices)).replace(/\D/g, '')) >= 451);
  // What happened before is found, although updates and notifications lie in front of it.
  await page.getByLabel('Latest events').getByRole('link', { name: /swarm-/ }).first().waitFor();
  const was = Number((await text(devices)).replace(/\D/g, ''));
  fleet.device('urn:dev:os:late-1', {});
  await until('one more', async () => Number((await text(devices)).replace(/\D/g, '')) === was + 1);
  await page.locator('main').getByText('urn:dev:os:late-1').waitFor();
  await page.locator('canvas').first().waitFor();
  await page.getByText('live', { exact: true }).waitFor();
  await fleet.end('urn:dev:os:late-1');
  await until('one fewer', async () => Number((await text(devices)).replace(/\D/g, '')) === was);
});

inTab('the device list searches, scrolls to its end with few rows in the page, and is moved through by keys', {}, async (page, tab) => {
  await tab.visit('devices');
  const rows = page.locator('[role=row][id]');
  await rows.first().waitFor();
  const grid = page.getByRole('grid');
  let last = -1;
  await until('the end', async () => {
    assert.ok((await rows.count()) < 90);
    await grid.evaluate((g) => (g.scrollTop = g.scrollHeight));
    const index = Number(await rows.last().getAttribute('aria-rowindex'));
    const done = index === last && (await grid.getAttribute('aria-rowcount')) !== '-1';
    last = index;
    return done;
  });
  assert.equal(last, Number(await grid.getAttribute('aria-rowcount')));
  assert.ok(last >= 452);
  await page.keyboard.press('/');
  await page.keyboard.type('swarm-44');
  await until('matches', async () => (await rows.count()) === 11);
  assert.match(page.url(), /q=swarm-44/);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  const second = await text(rows.nth(1).locator('a'));
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: second, exact: true }).waitFor();
  await page.goBack();
  await until('the search', async () => (await rows.count()) === 11);
  await page.getByRole('button', { name: /Filters/ }).click();
  await page.getByLabel('Manufacturer').fill('Acme*');
  await page.getByLabel('Manufacturer').press('Tab');
  await page.getByText('No device matches').waitFor();
});

inTab('rows are tagged together, and found by that tag', {}, async (page, tab) => {
  await tab.visit('devices?q=swarm-1');
  await page.getByLabel('Select urn:dev:os:swarm-1', { exact: true }).check();
  await page.getByLabel('Select urn:dev:os:swarm-10', { exact: true }).check();
  await page.getByRole('button', { name: 'Add tags' }).click();
  await page.getByRole('textbox', { name: 'Tags' }).fill('pilot hall-3');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('Tagged 2 devices').waitFor();
  await tab.visit('devices?tag=pilot');
  await until('two', async () => (await page.locator('[role=row][id]').count()) === 2);
});

inTab('a device is read, written, executed and observed, and its value moves by itself', {}, async (page, tab) => {
  await tab.visit(at('objects/3/0'));
  const value = (path) => page.locator(`[data-path="${path}"] [data-value]`).first();
  const said = (path) => page.locator(`[data-path="${path}"] [role=status]`);
  await page.getByRole('button', { name: 'Read', exact: true }).click();
  await until('a manufacturer', async () => (await text(value('/3/0/0'))) === 'Drover');
  await page.getByRole('button', { name: 'Write /3/0/14', exact: true }).click();
  await page.getByLabel('Value of /3/0/14').fill('+02:00');
  await page.keyboard.press('Enter');
  await until('the new value', async () => (await text(value('/3/0/14'))) === '+02:00');
  assert.match(await text(said('/3/0/14')), /2\.04 Changed/);
  await page.getByRole('button', { name: 'Execute /3/0/12', exact: true }).click();
  await page.getByRole('button', { name: 'Execute Reset Error Code' }).click();
  await until('its answer', async () => /2\.04 Changed/.test(await text(said('/3/0/12'))));
  await tab.visit(at('objects/3303/0'));
  await page.getByRole('button', { name: 'Observe /3303/0/5700', exact: true }).click();
  await until('a first value', async () => /^[\d.]+$/.test(await text(value('/3303/0/5700'))));
  const first = await text(value('/3303/0/5700'));
  await until('another value', async () => (await text(value('/3303/0/5700'))) !== first);
  await page.getByRole('link', { name: /^Observations/ }).click();
  await page.getByRole('cell', { name: '/3303/0/5700' }).waitFor();
  await page.getByRole('link', { name: 'History' }).click();
  await page.locator('canvas').waitFor();
});

inTab('what a device or the server refuses is shown beside the resource', {}, async (page, tab) => {
  tab.failing = true;
  await tab.visit(at('objects/1/0'));
  await page.getByRole('button', { name: 'Write /1/0/1', exact: true }).click();
  await page.getByLabel('Value of /1/0/1').fill('many');
  await page.keyboard.press('Enter');
  await page.getByText('A whole number, such as 42').waitFor();
  await page.getByLabel('Value of /1/0/1').fill('0');
  await page.keyboard.press('Enter');
  await until('a refusal', async () => /^4\.\d\d /.test(await text(page.locator('[data-path="/1/0/1"] [role=status]'))));
});

inTab('the protocol log shows messages decoded', {}, async (page, tab) => {
  await tab.visit(at('protocol'));
  await page.getByRole('button', { name: 'Start trace' }).click();
  await page.getByText(/^tracing/).waitFor();
  await fleet.call('GET', `/api/v1/devices/${encodeURIComponent(device)}/resources/3/0`);
  const answer = page.locator('[data-message]').filter({ hasText: 'Content' }).filter({ hasText: '/3/0' }).first();
  await answer.waitFor();
  await answer.getByRole('button').click();
  await until('the decoded payload', async () => /"0": "Drover"/.test(await text(page.locator('[data-decoded]'))));
  await page.getByRole('cell', { name: 'Content-Format', exact: true }).waitFor();
  await page.getByLabel('Filter messages').fill('uplink 2.05 /3/0');
  await until('a filter', async () => (await page.locator('[data-message]').count()) >= 1);
  await page.getByRole('button', { name: 'End and forget' }).click();
});

inTab('mistakes of a plan have their place, a dry run shows messages, and a session has its timeline', {}, async (page, tab) => {
  tab.failing = true;
  await tab.visit('bootstrap/plans/new');
  const editor = page.getByLabel('Plan as JSON');
  const plan = { name: 'console', servers: [{ id: 101, uri: `coaps://127.0.0.1:${fleet.coaps}`, lifetime: 300, security: { mode: 'psk', key: 'zz' } }] };
  await editor.fill(JSON.stringify(plan, null, 2));
  await page.getByRole('button', { name: 'Validate' }).click();
  const problem = await text(page.locator('main').getByRole('alert'));
  assert.match(problem, /servers\[0\]\.security\.key/);
  await page.getByText('Line 10', { exact: true }).waitFor();
  delete plan.servers[0].security.key;
  await editor.fill(JSON.stringify(plan, null, 2));
  await page.getByRole('button', { name: 'Validate' }).click();
  await page.getByText('It is a plan').waitFor();
  await page.getByLabel('Endpoint').fill(booted);
  await page.getByRole('button', { name: 'Show messages' }).click();
  await page.getByText('Bootstrap-Finish').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Plan console saved').waitFor();

  const { key } = await fleet.call('POST', '/api/v1/credentials', { kind: 'psk', purpose: 'bootstrap', identity: booted, generate: true });
  fleet.device(booted, { extra: ['--bootstrap', `coaps://127.0.0.1:${fleet.boot}`, '--psk-identity', booted, '--psk-key-file', fleet.file('boot.key', key)] });
  await fleet.registered(booted);
  await tab.visit('bootstrap');
  await page.getByRole('row').filter({ hasText: booted }).filter({ hasText: 'finished' }).getByRole('link').first().click();
  const steps = page.getByRole('list', { name: 'Steps on a time axis' }).getByRole('listitem');
  await until('steps', async () => (await steps.filter({ hasText: 'Bootstrap-Write' }).count()) >= 2);
  await steps.filter({ hasText: 'Bootstrap-Finish' }).filter({ hasText: '2.04' }).waitFor();
  await tab.visit(`devices/${booted}/security`);
  await page.getByText('Credentials for this endpoint name').waitFor();
  await page.getByText('bootstrap/101').waitFor();
});

inTab('a bulk operation over a selection runs to its end', {}, async (page, tab) => {
  await tab.visit('devices?q=swarm-2');
  await page.locator('[role=row][id]').first().waitFor();
  await page.getByRole('button', { name: 'Bulk operation' }).click();
  await page.getByText(/registered now/).waitFor();
  await page.getByLabel('Operation', { exact: true }).selectOption('write');
  await page.getByLabel('Path').fill('/1/0/1');
  await page.getByLabel(/^Value/).last().fill('1800');
  await page.getByRole('button', { name: 'Begin' }).click();
  await page.locator('[data-figure=over]').waitFor();
  const stands = page.getByLabel('How it stands');
  await until('its end', async () => {
    if ((await stands.locator('header').getByText('done', { exact: true }).count()) > 0) return true;
    throw new Error(`${await text(stands)}; the server says ${JSON.stringify((await fleet.call('GET', '/api/v1/bulk')).bulks.map((b) => [b.state, b.devices]))}`);
  });
  const total = Number((await text(page.locator('[data-figure=over]'))).replace(/\D/g, ''));
  assert.equal(total, 111);
  await page.getByRole('row').filter({ hasText: '2.04' }).first().waitFor();
});

inTab('a key that is made is shown once, and is nowhere afterwards', {}, async (page, tab) => {
  await tab.visit('credentials');
  await page.getByRole('button', { name: 'Add credential' }).click();
  await page.getByLabel('Identity').fill('console-psk');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  const secret = await text(page.locator('[data-secret]'));
  assert.match(secret, /^[0-9a-f]{64}$/);
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('[data-secret]').count(), 1, 'Escape does not lose a key that nobody noted');
  await page.getByRole('button', { name: 'Copy Pre-shared key' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  await page.getByLabel('I have put it where it belongs').check();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('cell', { name: 'console-psk' }).waitFor();
  assert.equal((await page.content()).includes(secret), false);
  assert.equal(await page.evaluate((s) => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]).includes(s), secret), false);
  await page.getByRole('button', { name: 'Import' }).click();
  tab.failing = true;
  const rows = 'kind,identity,key\npsk,a-1,00112233445566778899aabbccddeeff\nwrong,b,00\n';
  await page.getByLabel('CSV file').setInputFiles({ name: 'keys.csv', mimeType: 'text/csv', buffer: Buffer.from(rows) });
  await page.getByRole('dialog').getByRole('button', { name: 'Import' }).click();
  await page.getByText('line 3', { exact: true }).waitFor();
});

inTab('a definition is uploaded, shown and removed; a broken one says why', {}, async (page, tab) => {
  tab.failing = true;
  const ddf = `<?xml version="1.0"?><LWM2M><Object ObjectType="MODefinition"><Name>Console Probe</Name><Description1>d</Description1><ObjectID>33333</ObjectID><ObjectURN>urn:oma:lwm2m:x:33333</ObjectURN><MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory><Resources><Item ID="1"><Name>Depth</Name><Operations>R</Operations><MultipleInstances>Single</MultipleInstances><Mandatory>Optional</Mandatory><Type>Float</Type><RangeEnumeration></RangeEnumeration><Units>m</Units><Description>How deep.</Description></Item></Resources></Object></LWM2M>`;
  await tab.visit('models');
  const files = [['good.xml', ddf], ['bad.xml', '<LWM2M><Object>']].map(([name, body]) => ({ name, mimeType: 'text/xml', buffer: Buffer.from(body) }));
  await page.getByLabel('Upload definitions (DDF)').setInputFiles(files);
  await page.getByText('good.xml: 33333 Console Probe').waitFor();
  await page.locator('main').getByRole('alert').waitFor();
  await page.getByLabel('Search objects').fill('probe');
  await page.getByRole('link', { name: 'Console Probe' }).click();
  await page.getByRole('cell', { name: 'Depth' }).waitFor();
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('No object matches').waitFor();
});

inTab('an image is uploaded, and a campaign is made', {}, async (page, tab) => {
  await tab.visit('firmware/images');
  await page.getByLabel('Image file').setInputFiles({ name: 'meter-2.1.bin', mimeType: 'application/octet-stream', buffer: Buffer.from('DEMO 2.1\n') });
  assert.equal(await page.getByLabel('Firmware version').inputValue(), '2.1');
  await page.getByRole('button', { name: 'Upload' }).click();
  await page.getByText('is on the server').waitFor();
  await page.getByRole('link', { name: 'Campaign', exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('spring');
  await page.getByLabel('Endpoint name').fill('*swarm-4?');
  await page.getByText('10 registered now').waitFor();
  await page.getByRole('button', { name: 'Begin' }).click();
  await page.getByRole('heading', { name: /Campaign \d/ }).waitFor();
  await until('its devices', async () => (await page.getByLabel('Devices', { exact: true }).getByRole('row').count()) === 11);
});

inTab('a token is made and shown once; the audit log tells of it; a backup is made', {}, async (page, tab) => {
  await tab.visit('admin');
  await page.getByRole('button', { name: 'New token' }).click();
  await page.getByLabel('Name').fill('dashboard');
  await page.getByRole('button', { name: 'Make token' }).click();
  const secret = await text(page.locator('[data-secret]'));
  assert.match(secret, /^drover_/);
  await page.getByLabel('I have put it where it belongs').check();
  await page.getByRole('button', { name: 'Close' }).click();
  assert.equal((await page.content()).includes(secret), false);
  await page.getByRole('link', { name: 'Audit log' }).click();
  await page.getByRole('row').filter({ hasText: '/api/v1/tokens' }).first().waitFor();
  await page.getByRole('link', { name: 'Backup' }).click();
  await page.getByRole('button', { name: 'Make a backup' }).click();
  await page.getByRole('cell', { name: 'fleet', exact: true }).waitFor();
});

inTab('the palette jumps to a device', {}, async (page, tab) => {
  await tab.visit('overview');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.keyboard.press('Control+k');
  // It is fetched when it is first asked for; then what is typed goes there without a click.
  await page.getByRole('combobox', { name: 'Device or page' }).and(page.locator(':focus')).waitFor();
  await page.keyboard.type('console-1');
  await page.getByRole('option', { name: /console-1/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: device }).waitFor();
});

inTab('the event stream comes back after the server was killed, and the page shows what it missed', {}, async (page, tab) => {
  await tab.visit('events');
  await page.getByText('live', { exact: true }).waitFor();
  tab.failing = true;
  await fleet.serverKill();
  await page.getByText(/reconnecting in|connecting/).first().waitFor();
  await fleet.serverStart();
  fleet.device('urn:dev:os:back-1', {});
  await page.getByText('live', { exact: true }).waitFor({ timeout: 15000 });
  await page.getByRole('link', { name: 'urn:dev:os:back-1' }).first().waitFor();
  await fleet.end('urn:dev:os:back-1');
  await page.locator('.line').filter({ hasText: 'deregistered' }).filter({ hasText: 'back-1' }).waitFor();
});

const routes = [
  'overview', 'devices', 'devices?tag=pilot', at('objects'), at('history'), at('operations'), at('observations'), at('security'), at('protocol'), at('bootstrap'),
  'operations', 'operations/1', 'operations/new', 'firmware', 'firmware/images', 'firmware/campaigns/1', 'firmware/campaigns/new', 'rules', 'rules/new', 'bootstrap', 'bootstrap/plans',
  'bootstrap/plans/new', 'bootstrap/sessions/1', 'credentials', 'events', 'models', 'models/3', 'admin/tokens', 'admin/audit', 'admin/sinks', 'admin/backup', 'admin/sms',
];
for (const theme of ['light', 'dark']) {
  inTab(`every page is accessible and fits a phone, ${theme}`, { theme }, async (page, tab) => {
    const wrong = [];
    await tab.visit('overview');
    for (const route of routes) {
      await page.evaluate((r) => (location.hash = `#/${r}`), route);
      await sleep(250);
      for (const problem of await accessibility(page, theme === 'dark')) wrong.push(`${theme} ${route}: ${problem}`);
      if (theme === 'dark') continue;
      await page.setViewportSize({ width: 360, height: 720 });
      await sleep(60);
      for (const problem of await overflow(page)) wrong.push(`360 px ${route}: ${problem}`);
      await page.setViewportSize({ width: 1280, height: 800 });
    }
    assert.deepEqual(wrong, []);
  });
}
