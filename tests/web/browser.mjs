/** Chromium for the tests, and words for what they do on the page. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
export const CHROMIUM = process.env.PARE_CHROMIUM ?? '/usr/bin/chromium';
export const hasChromium = existsSync(CHROMIUM);

export const launch = () => chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });

/** A page with its own storage. Errors in it, and requests that leave the server, fail the test that asks `page.trouble`. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.trouble = [];
  page.on('pageerror', (error) => page.trouble.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') page.trouble.push(message.text());
  });
  page.on('request', (request) => {
    const target = request.url();
    if (/^https?:/.test(target) && !target.startsWith(new URL(url).origin)) page.trouble.push(`outside request: ${target}`);
  });
  await page.goto(url);
  return page;
}

export const points = (page) => page.locator('pare-trade-off [data-id]');

/** The first visit has ended: the original is measured. */
export async function ready(page, timeout = 60_000) {
  await page.locator('pare-model dl .big .value').waitFor({ timeout });
  await page.locator('#run:not([disabled])').waitFor({ timeout });
}

export async function drop(page, files) {
  const transfer = await page.evaluateHandle(
    (given) => {
      const data = new DataTransfer();
      for (const { name, base64 } of given) {
        data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
      }
      return data;
    },
    files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString('base64') })),
  );
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
}

export async function finished(page, timeout = 120_000) {
  await page.locator('#run:not([disabled])').waitFor({ timeout });
}
