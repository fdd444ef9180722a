// flame.mjs PAGE LARGE HOSTILE DIFF UNSURE PICTURES: use pages of rsprof-flame as people do; prints TAP lines
// without numbers.  PAGE is of `small`, LARGE has 100,000 frames, and
// DIFF compares `small` with a stream that has half of one function; UNSURE is of `doubtful`.

import { browser } from './browser.mjs';

const [small, large, hostile, diff, unsure, pictures] = process.argv.slice(2);
const check = (what, fine, got = '') => console.log(`${fine ? 'ok' : 'not ok'} ${what}${fine ? '' : `: ${got}`}`);
const total = "rsprof.panes[0].box.total[rsprof.panes[0].zoom]";
const shown = "rsprof.panes[0].drawn.filter((_, k) => k % 4 === 0).map(i => rsprof.panes[0].label(i)).join(' ')";
// box(NAME): where a box of the first pane is, on the page.
const box = name => `(() => { const p = rsprof.panes[0], d = p.drawn, r = p.canvas.getBoundingClientRect();
	for (let k = 0; k < d.length; k += 4) if (p.label(d[k]) === ${JSON.stringify(name)})
		return [r.left + d[k + 1] + Math.min(d[k + 2] / 2, 20), r.top + d[k + 3] + 9]; })()`;

for (const dark of [false, true]) {
	const page = await browser(`file://${small}`, { width: 1280, height: 800, dark });
	const picture = name => page.screenshot(`${pictures}/${name}${dark ? '-dark' : ''}.png`);
	await picture('flame');
	check('CPU time', await page.evaluate(total) === 95000001, await page.evaluate(total));
	await page.click(...await page.evaluate(box('server::serve')));
	check('a click zooms', await page.evaluate(total) === 40000001, await page.evaluate(total));
	await page.key('Backspace');
	check('out by one', await page.evaluate(total) === 80000001, await page.evaluate(total));
	await page.key('Escape');
	await page.key('ArrowUp');
	await page.key('ArrowUp');
	await page.key('Enter');
	check('by keys, too', await page.evaluate(total) === 40000001, await page.evaluate(total));
	await page.key('Escape');
	await page.key('/');
	for (const c of 'parse|push')
		await page.key(c);
	check('search tells the share', await page.evaluate("document.getElementById('found').textContent") === '31.58%',
		await page.evaluate("document.getElementById('found').textContent"));
	await picture('search');
	await page.key('Escape');
	await page.key('v');
	check('inverted', /^all server::main server::serve .*server::parse|malloc/.test(await page.evaluate(shown)) &&
		await page.evaluate("rsprof.panes[0].box.children[0].some(i => rsprof.panes[0].label(i) === 'malloc')"));
	await picture('inverted');
	await page.key('v');
	await page.key('c');
	check('collapsed', await page.evaluate("!rsprof.panes[0].box.name.some(n => n >= 0 && rsprof.data.names[n] === 'malloc')"));
	check('nothing is lost by it', await page.evaluate(total) === 95000001, await page.evaluate(total));
	await page.key('c');
	await page.key('i');
	await picture('icicle');
	await page.key('i');
	const [left, top, width] = await page.evaluate(
		"(() => { const r = document.querySelector('#time canvas').getBoundingClientRect(); return [r.left, r.top, r.width]; })()");
	await page.mouse('mouseMoved', left + 1, top + 20);
	await page.mouse('mousePressed', left + 1, top + 20, 1);
	await page.mouse('mouseMoved', left + width * 0.08, top + 20, 1);
	await page.mouse('mouseReleased', left + width * 0.08, top + 20);
	check('a range weighs anew', await page.evaluate(total) === 20000000, await page.evaluate(total));
	await picture('range');
	await page.key('Escape');
	await page.key('s');
	check('memory beside time', await page.evaluate("rsprof.panes[1].box.total[0]") === 370,
		await page.evaluate("rsprof.panes[1].box.total[0]"));
	await picture('both');
	await page.key('?');
	await picture('keys');
	check('no message', page.messages.length === 0, page.messages.join(' '));
	check('no request', page.requests.length === 0, page.requests.join(' '));
	await page.close();
}

// From the beginning of navigation on.  The best of some times: others use the machine, too.
let page, painted = Infinity;
for (let i = 0; i < 3; i++) {
	await page?.close();
	page = await browser(`file://${large}`);
	painted = Math.min(painted, await page.until(
		"performance.getEntriesByName('first-contentful-paint')[0]?.startTime"));
}
const frames = await page.evaluate('rsprof.data.nodes.frame.length');
check(`${frames} frames: first paint after ${painted.toFixed(0)} ms`, frames >= 100000 && painted < 2000, painted);
const zooms = await page.evaluate(`(() => { const p = rsprof.panes[0], times = [];
	for (let n = 0, i = 0; n < 8 && p.box.children[i].length; n++) {
		i = p.box.children[i][0];
		times.push(Math.min(...[1, 2, 3, 4, 5].map(() => {
			const t = performance.now(); p.open(i); return performance.now() - t; })));
	}
	return Math.max(...times); })()`);
check(`a zoom takes ${zooms.toFixed(0)} ms`, zooms < 100, zooms);
await page.screenshot(`${pictures}/large.png`);
check('no message', page.messages.length === 0, page.messages.join(' '));
await page.close();

const evil = await browser(`file://${hostile}`);
check('hostile names are text', (await evil.evaluate(shown)).includes('</script><script>alert(1)</script>'));
check('and nothing else', evil.messages.length === 0 && evil.requests.length === 0, evil.messages.join(' '));
await evil.screenshot(`${pictures}/hostile.png`);
await evil.close();

const two = await browser(`file://${diff}`);
const was = name => two.evaluate(`(() => { const b = rsprof.panes[0].box;
	return b.was[b.name.findIndex(n => n >= 0 && rsprof.data.names[n] === '${name}')]; })()`);
check('what a box was', await was('server::parse') === 20000000, await was('server::parse'));
check('and all of it', await two.evaluate('rsprof.panes[0].box.wasAll') === 85000001);
check('no message', two.messages.length === 0, two.messages.join(' '));
await two.screenshot(`${pictures}/diff.png`);
await two.close();

for (const dark of [false, true]) {
	const page = await browser(`file://${unsure}`, { dark });
	const text = selector => page.evaluate(`document.querySelector('${selector}').innerText`);
	await page.key('m');
	while (await page.evaluate("rsprof.state.metric.id") !== 'live')
		await page.key('m');
	check('what is not known is the least', /at least 370 B\s*not known: 310 B to 860 B/.test(await text('.pane h2')),
		await text('.pane h2'));
	check('it is striped, as the legend says', (await text('.legend')).includes('not known: at least'));
	const [x, y] = await page.evaluate(box('malloc'));
	await page.mouse('mouseMoved', x, y);
	check('of a function, too', (await text('footer')).includes('not known: 310 B to 860 B'), await text('footer'));
	await page.screenshot(`${pictures}/unsure${dark ? '-dark' : ''}.png`);
	await page.evaluate("(() => { const s = document.querySelector('select'); s.value = '0'; s.dispatchEvent(new Event('change')); })()");
	check('of a thread that is known between what bounds', /300 B\s*240 B to 360 B/.test(await text('.pane h2')),
		await text('.pane h2'));
	await page.key('v');
	check('inverted, too', /300 B\s*240 B to 360 B/.test(await text('.pane h2')), await text('.pane h2'));
	const [left, top, width] = await page.evaluate(
		"(() => { const r = document.querySelector('#time canvas').getBoundingClientRect(); return [r.left, r.top, r.width]; })()");
	await page.mouse('mouseMoved', left + width - 2, top + 20);
	check('the timeline says it', (await text('footer')).includes('live memory not known, 370 B to 1000 B'), await text('footer'));
	await page.mouse('mouseMoved', left + width * 0.5, top + 20);
	check('and a range that is known', (await text('footer')).includes('670 B live, 600 B to 700 B'), await text('footer'));
	check('no message', page.messages.length === 0, page.messages.join(' '));
	await page.close();
}
