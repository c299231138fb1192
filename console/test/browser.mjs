// SPDX-License-Identifier: Apache-2.0
// One browser for all tests; pages that note what must not happen: violations of the policy, errors, foreign requests.
import { chromium } from 'playwright-core';

let browser;
export async function launch() {
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  return browser;
}
export const close = () => browser?.close();

/** Answers that say "there is none", which the browser logs although nothing is wrong. */
const expected = [/\/api\/v1\/session$/, /\/api\/v1\/(sms|backup)/, /\/trace/, /\/bootstrap\//, /\/objects\/\d+/];

export class Tab {
  wrong = [];
  /** Set around what is meant to fail. */
  failing = false;

  static async open(fleet, { token = fleet.token, width = 1280, height = 800, theme = 'light' } = {}) {
    const tab = new Tab();
    tab.fleet = fleet;
    const context = await (await launch()).newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce', timezoneId: 'UTC' });
    await context.grantPermissions(['clipboard-write', 'clipboard-read']);
    if (token) await context.addInitScript((t) => { if (location.protocol === 'http:' && !sessionStorage.getItem('test')) { sessionStorage.setItem('test', '1'); sessionStorage.setItem('drover.token', t); } }, token);
    await context.addInitScript(() => document.addEventListener('securitypolicyviolation', (e) => console.error(`POLICY ${e.violatedDirective} ${e.blockedURI} ${e.sample}`)));
    tab.context = context;
    tab.page = await context.newPage();
    tab.page.setDefaultTimeout(20000);
    tab.page.on('console', (m) => {
      if (m.type() !== 'error' && m.type() !== 'warning') return;
      const from = m.location().url;
      if (/Failed to load resource|ERR_/.test(m.text()) && (tab.failing || expected.some((e) => e.test(from.split('?')[0])))) return;
      tab.wrong.push(`${m.text()} ${from}`);
    });
    tab.page.on('pageerror', (e) => tab.wrong.push(e.stack ?? e.message));
    tab.page.on('request', (r) => { if (!r.url().startsWith(fleet.url) && !/^(blob|data):/.test(r.url())) tab.wrong.push(`foreign ${r.url()}`); });
    return tab;
  }

  /** Each place with its own document, as from a bookmark. */
  async visit(route) {
    await this.page.goto('about:blank');
    await this.page.goto(`${this.fleet.url}/#/${route}`);
    await this.page.locator('h1').first().waitFor({ state: 'attached' });
  }
  async close() {
    await this.context.close();
    return this.wrong;
  }
}
