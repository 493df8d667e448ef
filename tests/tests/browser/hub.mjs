// hub.mjs FOLDER URL: a person logs in to a hub, which starts its server, and works there.

import { launcher, runCell, withPage } from './browser.mjs';

const [folder, url] = process.argv.slice(2);

await withPage(folder, async (page, shoot) => {
  await page.goto(url);
  await page.locator('#username_input').fill('ada');
  await page.locator('#password_input').fill('hunter2');
  await shoot('login');
  await page.locator('#login_submit').click();
  // The hub leads there when the server answers.
  await page.waitForURL('**/user/ada/lab**');
  const cards = await launcher(page);
  const cell = await runCell(page, 'import os, numpy\nprint(os.environ["JUPYTERHUB_USER"], numpy.arange(4).sum())');
  const printed = cell.locator('.jp-OutputArea-output pre');
  await printed.waitFor();
  await shoot('lab');
  const me = await (await page.request.get(new URL('/user/ada/api/me', url).href)).json();
  return { cards, printed: await printed.innerText(), name: me.identity.username, path: new URL(page.url()).pathname };
});
