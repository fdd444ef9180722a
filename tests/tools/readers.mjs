// readers.mjs PACKAGES SPEEDSCOPE DHAT: what speedscope and dh_view.html show of two files, as text.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { browser } from './browser.mjs';

const [packages, speedscope, dhat] = process.argv.slice(2);

// speedscope loads a script that hands it the file, as its command makes one.
const script = join(dirname(speedscope), 'speedscope.js');
writeFileSync(script, `speedscope.loadFileFromBase64('p.json', '${readFileSync(speedscope).toString('base64')}')`);
let page = await browser(`file://${packages}/speedscope/dist/release/index.html#localProfilePath=${script}`);
await page.until("document.body.innerText.includes('Sandwich')");
await page.evaluate(`[...document.querySelectorAll('div')].filter(d =>
	d.innerText.trim().endsWith('Sandwich') && d.children.length < 3).pop().click()`);
// Its head is a table, and its rows are the next.
await page.until(`[...document.querySelectorAll('table')].some((t, i, all) =>
	t.innerText.startsWith('Total') && all[i + 1]?.rows.length > 1)`);
console.log((await page.evaluate(`[...document.querySelectorAll('table')].map(t =>
	[...t.rows].map(r => [...r.cells].map(c => c.innerText.trim()).join(' ')).join('\\n')).join('\\n')`))
	.replace(/^/gm, 'speedscope: '));
await page.close();

const view = process.env.DH_VIEW ?? '/usr/libexec/valgrind/dh_view.html';
page = await browser(`file://${view}`);
await page.choose('input[type=file]', dhat);
await page.until("document.body.innerText.includes('At t-end:')");
console.log((await page.evaluate('document.body.innerText')).replace(/^/gm, 'dhat: '));
if (page.messages.length)
	console.log('dhat: messages', page.messages);
await page.close();
