// Debian's Chromium, and what all of these programs do in JupyterLab. A program prints what a person sees as JSON.

import { createRequire } from 'node:module';

// Where `NODE_PATH` says: modules of the newer kind are not looked for there.
const { chromium } = createRequire(import.meta.url)('playwright-core');

/// Root has no sandbox, and containers little shared memory.
const OPTIONS = { executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] };

/// Runs `work` with a new page, and prints what it gives. `folder` is where pictures of the page go; the last one shows where it failed.
export async function withPage(folder, work) {
  const browser = await chromium.launch(OPTIONS);
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(90_000);
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('response', (response) => {
    if (response.status() >= 500) wrong.push(`${response.status()} ${response.url()}`);
  });
  const shoot = (name) => page.screenshot({ path: `${folder}/${name}.png` });
  try {
    const seen = await work(page, shoot);
    console.log(JSON.stringify({ ...seen, wrong }));
  } catch (error) {
    await shoot('failed');
    console.error(`${page.url()}\n${error.stack}`);
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}

/// Waits until the Lab shows what can be started, and what the cards are called.
export async function launcher(page) {
  await page.locator('.jp-LauncherCard').first().waitFor();
  await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
  return page.locator('.jp-LauncherCard-label').allTextContents();
}

/// Opens a notebook of the first kernel, and runs a cell in it.
export async function runCell(page, source) {
  await page.locator('.jp-LauncherCard[data-category="Notebook"]').first().click();
  const cell = page.locator('.jp-Notebook .jp-CodeCell').first();
  // A kernel that is not there yet takes no cell. The status bar alone knows it.
  await page.locator('.jp-StatusBar-TextItem', { hasText: /\| Idle$/ }).waitFor();
  await cell.locator('.cm-content').click();
  await page.keyboard.insertText(source);
  await page.keyboard.press('Shift+Enter');
  return cell;
}
