// hub.mjs FOLDER URL NAME…: people log in to a hub, which starts a server for each, and work there.

import { launcher, runCell, withPage } from './browser.mjs';

const [folder, url, ...names] = process.argv.slice(2);
const CELL = 'import os, numpy\nprint(os.environ["JUPYTERHUB_USER"], numpy.arange(4).sum())';

await withPage(folder, async (page, shoot) => {
  const people = [];
  for (const name of names) {
    await page.context().clearCookies();
    await page.goto(url);
    await page.locator('#username_input').fill(name);
    await page.locator('#password_input').fill('hunter2');
    await shoot(`${name}-login`);
    await page.locator('#login_submit').click();
    // The hub leads there when the server answers.
    await page.waitForURL(`**/user/${name}/lab**`);
    const cards = await launcher(page);
    const cell = await runCell(page, CELL);
    const printed = cell.locator('.jp-OutputArea-output pre');
    await printed.waitFor();
    await shoot(`${name}-lab`);
    const me = await (await page.request.get(new URL(`/user/${name}/api/me`, url).href)).json();
    people.push({ name: me.identity.username, card: cards[0], printed: await printed.innerText() });
  }
  return { people };
});
