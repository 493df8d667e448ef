// lab.mjs FOLDER URL [WRONG-URL]: a person opens the address that the start of the image has printed, runs a cell, and uses a terminal.

import { launcher, runCell, withPage } from './browser.mjs';

const [folder, url, wrongUrl] = process.argv.slice(2);
const CELL = 'import numpy, matplotlib.pyplot as plt\nprint(numpy.arange(4).sum())\nplt.plot(numpy.arange(4));';
const COMMAND = '{ echo "$FOO"; command -v python; pwd; } >seen.part; mv seen.part seen.txt; cat seen.txt';

await withPage(folder, async (page, shoot) => {
  await page.goto(url);
  const cards = await launcher(page);
  await shoot('launcher');

  const cell = await runCell(page, CELL);
  const picture = cell.locator('.jp-OutputArea-output img');
  await picture.waitFor();
  const plot = await picture.evaluate(async (img) => {
    await img.decode();
    return { width: img.naturalWidth, height: img.naturalHeight };
  });
  const printed = await cell.locator('.jp-OutputArea-output pre').allTextContents();
  await shoot('notebook');

  await page.locator('[data-command="launcher:create"]').first().click();
  await page.locator('.jp-LauncherCard:has-text("Terminal")').last().click();
  const keys = page.locator('.jp-Terminal .xterm-helper-textarea');
  await keys.waitFor({ state: 'attached' });
  await keys.focus();
  await page.keyboard.type(COMMAND);
  await page.keyboard.press('Enter');
  // What a terminal shows is a picture: it says the same to a file, which the person's browser may read.
  const file = new URL('api/contents/seen.txt', url).href;
  let terminal = null;
  for (let tries = 0; terminal === null && tries < 300; tries++) {
    await page.waitForTimeout(100);
    const answer = await page.request.get(file);
    terminal = answer.ok() ? (await answer.json()).content : null;
  }
  await shoot('terminal');

  // Somebody else, who has no cookie.
  let refused = null;
  if (wrongUrl) {
    const stranger = await (await page.context().browser().newContext()).newPage();
    await stranger.goto(wrongUrl);
    const path = new URL(stranger.url()).pathname;
    await stranger.locator('#password_input').fill('wrong');
    await stranger.locator('#login_submit').click();
    refused = { path, says: (await stranger.locator('.message').innerText()).trim() };
    await stranger.screenshot({ path: `${folder}/refused.png` });
  }
  return { cards, plot, printed, terminal, refused };
});
