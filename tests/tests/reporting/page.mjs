// A page as people see it: on a phone and a desktop, by day and by night, with a script and without. Prints what they see as JSON.
// Arguments: the folder of the pictures, the page.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// Where `NODE_PATH` says: modules of the newer kind are not looked for there.
const require = createRequire(import.meta.url);
const { chromium } = require('playwright-core');
const axe = require('axe-core');

/// Root has no sandbox, and containers little shared memory.
const OPTIONS = { executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] };
const SCREENS = [['phone', { width: 390, height: 844 }], ['desktop', { width: 1280, height: 900 }]];

const [folder, file] = process.argv.slice(2);
const address = pathToFileURL(file).href;
const browser = await chromium.launch(OPTIONS);
const requests = new Set();
const wrong = [];

/// Opens the page with these settings of the browser.
async function opened(settings) {
  const context = await browser.newContext(settings);
  const page = await context.newPage();
  page.on('request', (request) => requests.add(request.url()));
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && wrong.push(message.text()));
  page.on('dialog', (dialog) => wrong.push(`a dialog: ${dialog.message()}`) && dialog.dismiss());
  await page.goto(address);
  return page;
}

/// What can be read, as rows of the table of packages and squares of the treemap.
async function read(page) {
  const rows = page.locator('[id$=packages-table] tbody tr:visible, #catalog tbody tr:visible');
  const squares = page.locator('figure svg.map:visible text');
  return { rows: await rows.count(), squares: await squares.evaluateAll((all) => all.map((it) => it.textContent)) };
}

/// What is wrong for those who see or move in another way, and how far the page is wider than the screen.
async function judged(page) {
  await page.evaluate(() => document.querySelectorAll('details').forEach((it) => { it.open = true; }));
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => axe.run());
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  const bad = found.violations.map((it) => `${it.impact} ${it.id}: ${it.nodes[0].html}`);
  return { bad, wider, rules: found.passes.length };
}

/// What a person does who has a script: searches, sorts, looks into a layer and goes back.
async function used(page) {
  const seen = {};
  const search = page.locator('[data-search] input').first();
  const rows = page.locator('[id$=packages-table] tbody tr:visible');
  await search.fill('pyyaml');
  seen.found = await rows.locator('th').allTextContents();
  seen.count = await page.locator('[data-search] output').first().textContent();
  await search.fill('');
  const installed = page.locator('[id$=packages-table] thead th', { hasText: /^installed$/ });
  await installed.locator('button').click();
  seen.largest = await rows.first().locator('th').textContent();
  seen.sorted = await installed.getAttribute('aria-sort');
  const map = page.locator('figure[data-map]');
  const whole = await map.locator('svg.map:visible').getAttribute('aria-label');
  await map.locator('svg.map a').first().click({ position: { x: 20, y: 8 } });
  seen.layer = await map.locator('svg.map:visible').getAttribute('aria-label');
  await page.screenshot({ path: `${folder}/layer.png` });
  await map.locator('svg.map:visible a').first().click({ position: { x: 20, y: 8 } });
  seen.target = await page.locator('tr:target th').textContent();
  await map.locator('button').click();
  seen.back = (await map.locator('svg.map:visible').getAttribute('aria-label')) === whole;
  return seen;
}

try {
  const plain = await read(await opened({ javaScriptEnabled: false }));
  const judgements = [];
  for (const [name, viewport] of SCREENS) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await opened({ viewport, colorScheme });
      await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png` });
      judgements.push({ name, colorScheme, ...(await judged(page)) });
      await page.context().close();
    }
  }
  const page = await opened({ viewport: SCREENS[1][1] });
  const scripted = await read(page);
  const does = (await page.locator('[id$=packages-table]').count()) === 1 && process.argv[4] === 'use';
  const use = does ? await used(page) : null;
  const left = [...requests].filter((url) => url.split('#')[0] !== address);
  console.log(JSON.stringify({ plain, scripted, judgements, use, left, wrong }));
} catch (error) {
  console.error(error.stack);
  process.exitCode = 1;
} finally {
  await browser.close();
}
