// SPDX-License-Identifier: Apache-2.0
// What is looked at in each page: runs in the browser. axe-core finds roles and names; contrast is computed in both themes.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const axe = readFileSync(fileURLToPath(new URL('../node_modules/axe-core/axe.min.js', import.meta.url)), 'utf8');

/** @returns {Promise<string[]>} what is wrong */
export async function accessibility(page, contrastAlone = false) {
  // Injected by the debugger, so that the policy of the page isn't in the way.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  const found = await page.evaluate(async (alone) => {
    const result = await window.axe.run(document, { resultTypes: ['violations'], ...(alone && { runOnly: ['color-contrast'] }) });
    return result.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')} ${n.failureSummary?.split('\n')[1] ?? ''}`));
  }, contrastAlone);
  const own = await page.evaluate(() => {
    const wrong = [];
    if (document.documentElement.lang !== 'en') wrong.push('no language');
    const headings = [...document.querySelectorAll('h1')].filter((h) => h.checkVisibility());
    if (headings.length !== 1) wrong.push(`${headings.length} h1`);
    if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
    if (!document.title.endsWith('Drover')) wrong.push(`title ${document.title}`);
    for (const e of document.querySelectorAll('button, a[href], input, select, textarea')) {
      const name = e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') ?? '') || e.innerText?.trim() || e.title || [...(e.labels ?? [])].map((l) => l.innerText).join('').trim();
      if (!name && e.checkVisibility()) wrong.push(`no name: ${e.outerHTML.slice(0, 120)}`);
    }
    // axe leaves out what is scrolled away; colours are where they are painted in any case.
    const parse = (text) => (/^rgba?\(([^)]+)\)$/.exec(text)?.[1] ?? '0,0,0,0').split(',').map(Number);
    const over = ([r, g, b, a = 1], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
    const light = (rgb) => { const [r, g, b] = rgb.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = (e) => (e ? over(parse(getComputedStyle(e).backgroundColor), behind(e.parentElement)) : [255, 255, 255]);
    for (const e of document.querySelectorAll('body *')) {
      if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || e.closest('svg, option, .sr, .skip, :disabled, .gone') || !e.checkVisibility()) continue;
      const back = behind(e);
      const style = getComputedStyle(e);
      const [a, b] = [light(over(parse(style.color), back)), light(back)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) wrong.push(`contrast ${ratio.toFixed(2)}: ${e.outerHTML.slice(0, 100)}`);
    }
    return wrong;
  });
  return [...own, ...found];
}

/** Whether something makes the page wider than the screen. */
export const overflow = (page) => page.evaluate(() => {
  const width = document.documentElement.clientWidth;
  const main = document.querySelector('main');
  const wide = [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > width + 1 && !e.closest('.tabs, .timeline, .log, pre, .view, .scroll, .sr, .editor') && e.checkVisibility());
  return main.scrollWidth > main.clientWidth + 1 || document.documentElement.scrollWidth > width ? wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 160)) : [];
});
