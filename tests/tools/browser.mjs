// Chromium without a window, by its debugging protocol; needs a node that has WebSocket.
//
//	const page = await browser(url, { width, height, dark });
//	await page.evaluate("expression") ... await page.close();
//
// page.messages: what the console and errors said; page.requests: what was asked for beside url.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function browser(url, { width = 1280, height = 800, dark = false } = {}) {
	const home = mkdtempSync(join(tmpdir(), 'rsprof-browser.'));
	const args = ['--headless', '--disable-gpu', '--no-first-run', '--remote-debugging-port=0',
		'--disable-background-networking', '--disable-component-update', '--hide-scrollbars',
		'--allow-file-access-from-files', `--user-data-dir=${home}`, 'about:blank'];
	if (process.getuid() === 0)
		args.unshift('--no-sandbox');
	const child = spawn(process.env.CHROMIUM ?? 'chromium', args,
		{ stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: home } });
	const port = await new Promise((resolve, reject) => {
		let text = '';
		child.stderr.on('data', d => {
			text += d;
			const m = /listening on ws:\/\/[^:]*:(\d+)/.exec(text);
			if (m)
				resolve(m[1]);
		});
		child.on('exit', code => reject(new Error(`chromium exited with ${code}: ${text}`)));
	});
	const target = (await (await fetch(`http://127.0.0.1:${port}/json`)).json())
		.find(t => t.type === 'page');
	const socket = new WebSocket(target.webSocketDebuggerUrl);
	await new Promise(resolve => { socket.onopen = resolve; });

	let last = 0;
	const waiting = new Map(), events = new Map();
	const page = { messages: [], requests: [] };
	socket.onmessage = ({ data }) => {
		const m = JSON.parse(data);
		if (m.id) {
			const { resolve, reject } = waiting.get(m.id);
			waiting.delete(m.id);
			if (m.error) reject(new Error(m.error.message)); else resolve(m.result);
		} else {
			events.get(m.method)?.(m.params);
		}
	};
	page.send = (method, params = {}) => new Promise((resolve, reject) => {
		waiting.set(++last, { resolve, reject });
		socket.send(JSON.stringify({ id: last, method, params }));
	});
	events.set('Runtime.consoleAPICalled', p =>
		page.messages.push(p.args.map(a => a.value ?? a.description).join(' ')));
	events.set('Runtime.exceptionThrown', p =>
		page.messages.push(p.exceptionDetails.exception?.description ?? p.exceptionDetails.text));
	events.set('Log.entryAdded', p => page.messages.push(p.entry.text));
	events.set('Network.requestWillBeSent', p => {
		const [asked] = p.request.url.split('#');
		if (asked !== url.split('#')[0] && !asked.startsWith('data:'))
			page.requests.push(asked);
	});
	for (const domain of ['Runtime', 'Log', 'Network', 'Page', 'DOM'])
		await page.send(`${domain}.enable`);
	await page.send('Emulation.setDeviceMetricsOverride',
		{ width, height, deviceScaleFactor: 1, mobile: false });
	await page.send('Emulation.setEmulatedMedia',
		{ features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });

	page.evaluate = async expression => {
		const r = await page.send('Runtime.evaluate',
			{ expression, awaitPromise: true, returnByValue: true });
		if (r.exceptionDetails)
			throw new Error(r.exceptionDetails.exception?.description ?? r.exceptionDetails.text);
		return r.result.value;
	};
	// Wait until an expression is true, at most a minute.
	page.until = async expression => {
		for (const end = Date.now() + 60000; ;) {
			const value = await page.evaluate(expression);
			if (value)
				return value;
			if (Date.now() > end)
				throw new Error(`never: ${expression}`);
			await new Promise(resolve => setTimeout(resolve, 50));
		}
	};
	page.choose = async (selector, ...files) => {
		const { root } = await page.send('DOM.getDocument');
		const { nodeId } = await page.send('DOM.querySelector', { nodeId: root.nodeId, selector });
		await page.send('DOM.setFileInputFiles', { nodeId, files });
	};
	page.key = async (key, text = key.length === 1 ? key : undefined) => {
		const p = { key, text, code: key, windowsVirtualKeyCode: { Enter: 13, Escape: 27, Tab: 9,
			ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 }[key] ??
			key.toUpperCase().charCodeAt(0) };
		await page.send('Input.dispatchKeyEvent', { type: 'keyDown', ...p });
		await page.send('Input.dispatchKeyEvent', { type: 'keyUp', ...p });
	};
	page.mouse = (type, x, y, buttons = 0) => page.send('Input.dispatchMouseEvent',
		{ type, x, y, button: type === 'mouseMoved' && !buttons ? 'none' : 'left', buttons, clickCount: 1 });
	page.click = async (x, y) => {
		await page.mouse('mouseMoved', x, y);
		await page.mouse('mousePressed', x, y, 1);
		await page.mouse('mouseReleased', x, y);
	};
	page.screenshot = async file => {
		const { data } = await page.send('Page.captureScreenshot', { format: 'png' });
		writeFileSync(file, Buffer.from(data, 'base64'));
	};
	page.close = async () => {
		const gone = new Promise(resolve => child.once('exit', resolve));
		child.removeAllListeners('exit');
		child.once('exit', () => {});
		const exited = new Promise(resolve => child.on('exit', resolve));
		child.kill();
		await Promise.race([exited, gone, new Promise(r => setTimeout(r, 5000))]);
		rmSync(home, { recursive: true, force: true, maxRetries: 5 });
	};
	const loaded = new Promise(resolve => events.set('Page.loadEventFired', resolve));
	await page.send('Page.navigate', { url });
	await loaded;
	return page;
}
