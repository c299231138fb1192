// SPDX-License-Identifier: Apache-2.0
// Pictures of the console over a small fleet: node test/pictures.mjs FOLDER [NAME...]
import { mkdirSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fleet, sleep, until } from './fleet.mjs';
import { close, Tab } from './browser.mjs';

const folder = process.argv[2] ?? 'pictures';
const only = process.argv.slice(3);
mkdirSync(folder, { recursive: true });
const scripts = fileURLToPath(new URL('../../examples/firmware', import.meta.url));

const image = (version) => {
  const body = `DEMO ${version}\n${'firmware '.repeat(4000)}\n`;
  return Buffer.from(body + createHash('sha256').update(body).digest('hex') + '\n');
};
const stations = ['northgate', 'harbour', 'mill-lane', 'airport', 'old-town', 'riverside', 'depot-2', 'campus'];
const model = (i) => ({ maker: ['Nordlicht', 'Acme Sensing'][i % 2], name: ['WS-200', 'TH-12'][i % 2] });

const fleet = await Fleet.start({
  tokens: ['admin'], bootstrap: true,
  config: `[queue]\nawake = [{ endpoints = "*meter*", seconds = 8 }]\n[[rule]]\nname = "stations"\ncondition = { name = "urn:dev:os:station-*" }\nsteps = ["read /3/0", "observe /3303/0/5700", "observe /3304/0/5700", "read /1/0"]\n`,
});
const item = (id, name, type, units, text) => `<Item ID="${id}"><Name>${name}</Name><Operations>R</Operations><MultipleInstances>Single</MultipleInstances><Mandatory>${id === 5700 ? 'Mandatory' : 'Optional'}</Mandatory><Type>${type}</Type><RangeEnumeration></RangeEnumeration><Units>${units}</Units><Description>${text}</Description></Item>`;
const humidity = `<?xml version="1.0"?><LWM2M><Object ObjectType="MODefinition"><Name>Humidity</Name><Description1>A humidity sensor.</Description1><ObjectID>3304</ObjectID><ObjectURN>urn:oma:lwm2m:ext:3304</ObjectURN><MultipleInstances>Multiple</MultipleInstances><Mandatory>Optional</Mandatory><Resources>${item(5700, 'Sensor Value', 'Float', '', 'The last value.')}${item(5701, 'Sensor Units', 'String', '', 'Its unit.')}</Resources></Object></LWM2M>`;
mkdirSync(join(fleet.folder, 'ddf'));
fleet.file('ddf/3304.xml', humidity);
await fetch(`${fleet.api}/api/v1/objects`, { method: 'POST', body: humidity, headers: { 'Content-Type': 'application/xml', Authorization: `Bearer ${fleet.token}` } });
const { key } = await fleet.call('POST', '/api/v1/credentials', { kind: 'psk', identity: 'urn:dev:os:station-harbour', generate: true, label: 'harbour mast', purpose: 'server' });
for (const id of ['gateway-7', 'gateway-8', 'pump-112']) await fleet.call('POST', '/api/v1/credentials', { kind: 'psk', identity: `urn:dev:os:${id}`, generate: true, purpose: id.startsWith('pump') ? 'bootstrap' : 'server', label: 'batch 2026-11' });

for (const [i, station] of stations.entries()) {
  const firmware = join(fleet.folder, `firmware-${station}`);
  mkdirSync(firmware, { recursive: true });
  writeFileSync(join(firmware, 'current'), image('2.0.4'));
  const m = model(i);
  const config = fleet.file(`${station}.toml`, `endpoint = "urn:dev:os:station-${station}"
lifetime = ${i % 3 ? 86400 : 600}
[firmware]
folder = "${firmware}"
check = "${scripts}/check.sh"
install = "${i === 5 ? '/bin/false' : `${scripts}/install.sh`}"
rollback = "${scripts}/rollback.sh"
confirm = "${scripts}/confirm.sh"
[values]
"/3/0/0" = "${m.maker}"
"/3/0/1" = "${m.name}"
"/3/0/2" = "${4711000 + i * 37}"
"/3/0/3" = "2.0.4"
"/3/0/6" = [1, 7]
"/3/0/7" = [${3600 + i * 20}, ${5000 + i * 11}]
"/3/0/8" = [${120 + i}, 340]
"/3/0/9" = ${97 - i * 7}
"/3/0/17" = "weather station"
"/3303/0/5700" = ${18 + i / 2}
"/3303/0/5701" = "Cel"
"/3303/0/5601" = ${9 + i}.5
"/3303/0/5602" = ${24 + i}.25
"/3304/0/5700" = 61.5
"/3304/0/5701" = "%RH"
[[script]]
path = "/3303/0/5700"
every = "1s"
sine = { min = ${15 + i}.0, max = ${21 + i}.0, period = "${50 + i * 7}s" }
[[script]]
path = "/3304/0/5700"
every = "2s"
sine = { min = 48.0, max = 71.0, period = "70s" }
`);
  const secure = station === 'harbour';
  fleet.device(`urn:dev:os:station-${station}`, { config, coaps: secure, extra: ['--objects', join(fleet.folder, 'ddf'), ...(secure ? ['--psk-identity', 'urn:dev:os:station-harbour', '--psk-key-file', fleet.file('harbour.key', key)] : [])] });
}
const meter = fleet.file('meter.toml', `endpoint = "urn:dev:os:meter-0042"\nlifetime = 3600\n[values]\n"/1/0/7" = "UQ"\n"/3/0/0" = "Nordlicht"\n"/3/0/1" = "EM-3"\n`);
fleet.device('urn:dev:os:meter-0042', { config: meter });
fleet.swarm(1200, { prefix: 'urn:dev:os:thermo-', extra: ['--lifetime', '40', '--rate', '150', '--sensors', '2'] });

await fleet.call('PUT', '/api/v1/bootstrap/plans/pumps', { endpoints: ['urn:dev:os:pump-*'], servers: [{ id: 101, uri: `coaps://127.0.0.1:${fleet.coaps}`, lifetime: 300, security: { mode: 'psk' } }] });
const boot = await fleet.call('POST', '/api/v1/credentials', { kind: 'psk', purpose: 'bootstrap', identity: 'urn:dev:os:pump-17', generate: true });
fleet.device('urn:dev:os:pump-17', { extra: ['--bootstrap', `coaps://127.0.0.1:${fleet.boot}`, '--psk-identity', 'urn:dev:os:pump-17', '--psk-key-file', fleet.file('pump.key', boot.key)] });
await fleet.registered('urn:dev:os:pump-17');
for (const station of stations) {
  await fleet.registered(`urn:dev:os:station-${station}`).catch((e) => { throw new Error(`${e.message}: ${fleet.children.get(`urn:dev:os:station-${station}`).output}`); });
}
for (const [i, station] of stations.entries()) await fleet.call('PUT', `/api/v1/devices/urn:dev:os:station-${station}/tags`, { tags: ['weather', ...(i % 2 ? ['pilot'] : []), ...(i % 3 ? [] : ['mains'])] });
for (let i = 100; i < 120; i++) await fleet.call('PUT', `/api/v1/devices/urn:dev:os:thermo-${i}/tags`, { tags: [`hall-${i % 4}`] });
await until('a swarm', async () => (await fleet.call('GET', '/api/v1/status')).devices > 1200, 30);
const harbour = 'urn:dev:os:station-harbour';
await fleet.call('PUT', `/api/v1/devices/${harbour}/trace`, {});
await fleet.call('PUT', '/api/v1/images/weather-2.1.0?version=2.1.0', image('2.1.0'));
await fleet.call('PUT', '/api/v1/images/weather-2.0.4?version=2.0.4', image('2.0.4'));
const campaign = await fleet.call('POST', '/api/v1/campaigns', { name: 'Weather stations, autumn', image: 'weather-2.1.0', method: 'push', parallel: 2, retries: 1, stop_percent: 0, selection: { endpoints: [...stations.map((s) => `urn:dev:os:station-${s}`), 'urn:dev:os:station-quarry', 'urn:dev:os:meter-0042'] } });
await fleet.call('POST', '/api/v1/bulk', { operation: { operation: 'read', path: '/3303/0' }, selection: { name: '*thermo-1*' }, parallel: 30 });
for (const path of ['3/0', '1/0', '3303/0', '5/0', '4/0']) await fleet.call('GET', `/api/v1/devices/${harbour}/resources/${path}`).catch(() => {});
await fleet.call('GET', `/api/v1/devices/${harbour}/discover/3`);

const shots = [
  ['overview', 'overview', async (page) => { await sleep(Number(process.env.OVERVIEW_SECONDS ?? 24) * 1000); }],
  ['devices', 'devices?q=urn:dev:os', async (page) => { await page.getByLabel(`Select ${harbour}`).check().catch(() => {}); }],
  ['device', `devices/${harbour}/objects/3303/0`, async (page) => { await page.getByRole('button', { name: 'Read', exact: true }).click(); await page.getByRole('button', { name: 'Write /3303/0/5601' }).click().catch(() => {}); await sleep(1200); }],
  ['objects', `devices/${harbour}/objects/3`, async (page) => { await page.getByRole('button', { name: 'Write /3/0/14' }).click(); }],
  ['history', `devices/${harbour}/history?path=/3303/0/5700,/3304/0/5700`],
  ['protocol', `devices/${harbour}/protocol`, async (page) => { await page.getByLabel('Filter messages').fill('2.05 /3/0'); await sleep(400); await page.locator('[data-message]').filter({ hasText: /B?/ }).first().getByRole('button').click(); await page.getByLabel('Filter messages').fill(''); await sleep(600); await page.locator('.detail').evaluate((d) => d.scrollIntoView({ block: 'center' })); }],
  ['timeline', 'bootstrap/sessions/1'],
  ['campaign', `firmware/campaigns/${campaign.id}`],
  ['bulk', 'operations/1'],
  ['credentials', 'credentials'],
  ['rules', 'rules'],
  ['events', 'events'],
];
for (const [name, size, theme] of [['', [1440, 900], 'light'], ['-dark', [1440, 900], 'dark'], ['-phone', [390, 844], 'light']]) {
  for (const [shot, route, prepare] of shots) {
    if (only.length && !only.includes(shot + name)) continue;
    const tab = await Tab.open(fleet, { width: size[0], height: size[1], theme });
    try {
      await tab.visit(route);
      await sleep(1200);
      await prepare?.(tab.page);
      await sleep(300);
    } catch (error) {
      console.error(shot, error.message);
    }
    await tab.page.screenshot({ path: join(folder, `${shot}${name}.png`) });
    const wrong = await tab.close();
    if (wrong.length) console.error(shot, wrong);
  }
}
await close();
await fleet.stop();
