"use strict";
(() => {
const started = performance.now();
const data = JSON.parse(document.getElementById("data").textContent);
const { names, frames, nodes } = data;
const BINS = data.bins;
const isTime = data.unit === "ns";
const ROW = 19, GAP = 1;

// ---- what is shown ------------------------------------------------------------

const metrics = [
	{ id: "cpu", label: isTime ? "CPU" : data.unit, parts: [["cpu", "ns"]], unit: isTime ? "ns" : "" },
	{ id: "off", label: "Waits", parts: [["off", "ns"]], unit: "ns" },
	{ id: "wall", label: "Wall", parts: [["cpu", "ns"], ["off", "ns"]], unit: "ns" },
	{ id: "bytes", label: "Allocated", parts: [["heap", "bytes"]], unit: "B" },
	{ id: "allocs", label: "Count", parts: [["heap", "allocs"]], unit: "" },
	{ id: "live", label: "Live", parts: [["heap", "live"]], unit: "B", state: true },
].filter(m => m.parts.every(([table]) => data[table].node.length));

const state = {
	metric: metrics[0], split: false, icicle: false, inverted: false, collapse: false,
	generic: false, thread: -1, from: 0, to: BINS, search: null,
};

// ---- numbers for people ---------------------------------------------------------

const digits = n => n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2);
function amount(n, unit) {
	const sign = n < 0 ? "-" : "";
	n = Math.abs(n);
	if (unit === "ns") {
		if (n < 1e3) return `${sign}${n} ns`;
		if (n < 1e6) return `${sign}${digits(n / 1e3)} \u00b5s`;
		if (n < 1e9) return `${sign}${digits(n / 1e6)} ms`;
		if (n < 60e9) return `${sign}${digits(n / 1e9)} s`;
		const s = Math.round(n / 1e9);
		return s < 3600 ? `${sign}${Math.floor(s / 60)}m${s % 60}s`
			: `${sign}${Math.floor(s / 3600)}h${Math.floor(s % 3600 / 60)}m`;
	}
	if (unit === "B") {
		const units = ["B", "KiB", "MiB", "GiB", "TiB"];
		let i = 0;
		while (n >= 1024 && i < 4) { n /= 1024; i++; }
		return `${sign}${i ? digits(n) : n} ${units[i]}`;
	}
	return sign + n.toLocaleString("en");
}
const percent = (part, all) => all ? (100 * part / all).toFixed(part === all ? 0 : 2) + "%" : "-";
const binTime = bin => bin * data.duration / BINS;

// ---- the tree ---------------------------------------------------------------------

// Sums of a metric by node, of the threads and the time that are shown.
function weigh(metric, D) {
	const self = new Float64Array(D.nodes.parent.length);
	for (const [table, column] of metric.parts) {
		const t = D[table], value = t[column];
		// Of what is compared with, all threads and times count.
		const from = metric.state || D !== data ? 0 : state.from;
		const to = D === data ? state.to : BINS, thread = D === data ? state.thread : -1;
		for (let i = 0; i < value.length; i++)
			if (t.bin[i] >= from && t.bin[i] < to && (thread < 0 || t.thread[i] === thread))
				self[t.node[i]] += value[i];
	}
	return self;
}

// How far a metric of memory may be off, by node as weigh() has it; null: it is exact.
function weighRanges(metric, D) {
	const t = D.ranges, column = metric.parts[0][1];
	if (!t.node.length || !t[`${column}_below`]) return null;
	const part = what => weigh({ parts: [["ranges", `${column}_${what}`]], state: metric.state }, D);
	return { below: part("below"), above: part("above"), variance: part("variance") };
}

// Add up ranges by box; `of` has the box of each node, -1 for none.
function rangeBoxes(box, of, D, ranges) {
	const sums = {};
	for (const what of ["below", "above", "variance"]) {
		const sum = new Float64Array(box.parent.length), by = ranges[what];
		for (let i = 0; i < by.length; i++) {
			if (by[i] === 0) continue;
			let n = i;
			while (n >= 0 && of[n] < 0) n = D.nodes.parent[n];
			for (let b = n < 0 ? 0 : of[n]; b >= 0; b = box.parent[b]) sum[b] += by[i];
		}
		sums[what] = sum;
	}
	return sums;
}

// Between what the total of a box is, in 19 of 20 cases; null: it is exact.
function rangeOf(box, i) {
	if (!box.ranges) return null;
	const { below, above, variance } = box.ranges;
	const margin = 2 * Math.sqrt(Math.max(0, variance[i])), total = box.total[i];
	const low = total - below[i], high = total + above[i];
	const least = Math.max(0, Math.round(low - margin)), most = Math.round(high + margin);
	if (least >= total && most <= total) return null;
	const known = high <= 2 * low || high - low < 0.5;
	return { least, most, known, shown: !known || most - least > 0.2 * total };
}
const rangeText = (r, unit) =>
	`${r.known ? "" : "not known: "}${amount(r.least, unit)} to ${amount(r.most, unit)}`;

const runtime = new Set(["alloc", "libc", "std"]);
for (const D of data.old ? [data, data.old] : [data])
	D.isRuntime = D.frames.class.map(c => c >= 0 && runtime.has(D.names[c]));
const nameOf = (f, D) => {
	const g = state.generic ? D.frames.generic[f] : -1;
	return g >= 0 ? g : D.frames.name[f];
};

// The stack of each node as it is shown: a number for the frame, -1 for none.
function shownFrames({ nodes, isRuntime }) {
	const N = nodes.parent.length;
	const shown = new Int32Array(N), up = new Int32Array(N);
	for (let i = 0; i < N; i++) {
		const f = nodes.frame[i], p = nodes.parent[i];
		up[i] = p < 0 ? -1 : shown[p] < 0 ? up[p] : p;
		shown[i] = state.collapse && isRuntime[f] ? -1 : f;
	}
	return { shown, up };
}

// Boxes: columns of parent, name, frame, self and total; box 0 is all of it.
function makeTree(metric, D = data) {
	const { nodes, names } = D, N = nodes.parent.length;
	const self = weigh(metric, D), { shown, up } = shownFrames(D);
	const box = { parent: [-1], name: [-1], frame: [-1], self: [0], total: [0], depth: [0] };
	const known = new Map();
	const child = (parent, f) => {
		const name = nameOf(f, D), key = parent * names.length + name;
		let i = known.get(key);
		if (i === undefined) {
			i = box.parent.length;
			known.set(key, i);
			box.parent.push(parent); box.name.push(name); box.frame.push(f);
			box.self.push(0); box.total.push(0); box.depth.push(box.depth[parent] + 1);
		}
		return i;
	};
	const innermost = i => shown[i] >= 0 ? i : up[i];
	const of = new Int32Array(N).fill(-1), ranges = weighRanges(metric, D);
	if (state.inverted) {
		for (let i = 0; i < N; i++) {
			if (self[i] <= 0) continue;
			let b = 0, at = innermost(i);
			if (at < 0) { b = child(0, nodes.frame[i]); box.total[b] += self[i]; }
			for (let first = true; at >= 0; at = up[at], first = false) {
				b = child(b, shown[at]);
				box.total[b] += self[i];
				if (first) box.self[b] += self[i];
			}
			of[i] = b;
			box.total[0] += self[i];
		}
	} else {
		const need = new Uint8Array(N);
		for (let i = N - 1; i >= 0; i--)
			if ((self[i] > 0 || need[i])) {
				need[i] = 1;
				if (nodes.parent[i] >= 0) need[nodes.parent[i]] = 1;
			}
		for (let i = 0; i < N; i++) {
			if (!need[i]) continue;
			const at = innermost(i);
			if (at === i) of[i] = child(up[i] < 0 ? 0 : of[up[i]], shown[i]);
			else if (at >= 0) of[i] = of[at];
			else if (self[i] > 0) of[i] = child(0, nodes.frame[i]);
			if (self[i] > 0) box.self[of[i]] += self[i];
		}
		for (let i = box.parent.length - 1; i >= 0; i--) {
			box.total[i] += box.self[i];
			if (i) box.total[box.parent[i]] += box.total[i];
		}
	}
	if (ranges) box.ranges = rangeBoxes(box, of, D, ranges);
	return place(box);
}

// Give every box its place: x and width as parts of its root, the heaviest children first.
function place(box) {
	const n = box.parent.length, children = Array.from({ length: n }, () => []);
	for (let i = 1; i < n; i++) children[box.parent[i]].push(i);
	box.x = new Float64Array(n);
	box.children = children;
	for (let i = 0; i < n; i++) {
		children[i].sort((a, b) => box.total[b] - box.total[a] || box.name[a] - box.name[b]);
		let x = box.x[i];
		for (const c of children[i]) { box.x[c] = x; x += box.total[c]; }
	}
	return box;
}

// For each box the one of the same path in the tree of what is compared with, -1 for none.
function pair(box, metric) {
	const old = makeTree(metric, data.old), of = new Int32Array(box.parent.length).fill(-1);
	const children = new Map();
	const find = (i, name) => {
		let m = children.get(i);
		if (!m)
			children.set(i, m = new Map(old.children[i].map(c => [data.old.names[old.name[c]], c])));
		return m.get(name) ?? -1;
	};
	of[0] = 0;
	for (let i = 1; i < of.length; i++)
		if (of[box.parent[i]] >= 0) of[i] = find(of[box.parent[i]], names[box.name[i]]);
	box.was = Float64Array.from(of, k => k < 0 ? 0 : old.total[k]);
	box.wasAll = old.total[0];
	return box;
}

// ---- colors -----------------------------------------------------------------------

const hues = { user: [24, 78], dep: [88, 42], std: [210, 34], alloc: [338, 58], libc: [198, 18],
	kernel: [42, 80], runtime: [268, 34], other: [160, 24], reason: [0, 0] };
const kinds = { user: "your code", dep: "dependencies", std: "std", alloc: "allocator",
	runtime: "async runtime", libc: "libc", kernel: "kernel", other: "other", reason: "no stack" };
let dark = matchMedia("(prefers-color-scheme: dark)").matches;
const colorCache = new Map();
function classOf(f) {
	return f < 0 || frames.class[f] < 0 ? "other" : names[frames.class[f]];
}
function color(f, name) {
	const key = name * 2 + (dark ? 1 : 0);
	let c = colorCache.get(key);
	if (c === undefined) {
		const [h, s] = hues[classOf(f)] ?? hues.other;
		let hash = 0;
		for (const ch of names[name].slice(0, 64)) hash = (hash * 31 + ch.charCodeAt(0)) | 0;
		const jitter = ((hash >>> 3) % 17) - 8, light = ((hash >>> 9) % 11) - 5;
		c = `hsl(${h + jitter} ${dark ? Math.round(s * 0.86) : s}% ${(dark ? 37 : 74) + light}%)`;
		colorCache.set(key, c);
	}
	return c;
}
// Where two are compared: red what has a larger share than before, blue what has a smaller one.
function change(box, i) {
	const d = box.total[i] / (box.total[0] || 1) - (box.wasAll ? box.was[i] / box.wasAll : 0);
	const strength = Math.min(1, Math.sqrt(Math.abs(d) * 4));
	if (Math.abs(d) < 0.0005) return dark ? "hsl(0 0% 30%)" : "hsl(40 8% 86%)";
	return `hsl(${d > 0 ? 8 : 212} ${Math.round(20 + 60 * strength)}% ${
		Math.round(dark ? 32 + 10 * strength : 86 - 24 * strength)}%)`;
}
// Stripes over what is not known.
let striped = null;
function stripes(g) {
	if (striped && striped.dark === dark) return striped.pattern;
	const tile = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
	const t = tile.getContext("2d");
	t.strokeStyle = dark ? "rgba(0, 0, 0, .26)" : "rgba(255, 255, 255, .38)";
	t.lineWidth = 2;
	for (const x of [-8, 0, 8]) { t.moveTo(x - 1, 9); t.lineTo(x + 9, -1); }
	t.stroke();
	striped = { dark, pattern: g.createPattern(tile, "repeat") };
	return striped.pattern;
}
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// ---- elements ---------------------------------------------------------------------

function element(tag, properties = {}, ...children) {
	const e = Object.assign(document.createElement(tag), properties);
	e.append(...children);
	return e;
}
const header = element("header"), timeBox = element("div", { id: "time" });
const timeline = element("canvas", { tabIndex: 0 });
timeline.setAttribute("aria-label", "Timeline: drag to limit the graph to a part of the time");
timeBox.append(timeline);
const legend = element("div", { className: "legend" }), main = element("main");
const nameLine = element("div", { className: "name" }), whereLine = element("div", { className: "where" });
const footer = element("footer", {}, nameLine, whereLine);
document.title = `${data.name} - rsprof`;
const found = element("span", { id: "found" });
const search = element("input", { type: "search", placeholder: "Search ( / )", spellcheck: false });
search.setAttribute("aria-label", "Search");

// ---- panes ------------------------------------------------------------------------

class Pane {
	constructor() {
		this.title = element("h2");
		this.canvas = element("canvas", { tabIndex: 0 });
		this.canvas.setAttribute("role", "img");
		this.scroll = element("div", { className: "scroll" }, this.canvas);
		this.node = element("section", { className: "pane" }, this.title, this.scroll);
		this.zoom = 0;
		this.hover = -1;
		this.canvas.addEventListener("mousemove", e => this.point(e));
		this.canvas.addEventListener("mouseleave", () => this.show(-1));
		this.canvas.addEventListener("click", e => this.open(this.at(e)));
		this.canvas.addEventListener("focus", () => { current = this; });
		this.scroll.addEventListener("scroll", () => this.draw());
	}
	// Make the tree anew, zoomed to the same path as before, as far as that is there.
	update(metric) {
		const path = [];
		for (let i = this.zoom; i > 0; i = this.box.parent[i]) path.unshift(this.box.name[i]);
		this.metric = metric;
		this.box = makeTree(metric);
		if (data.old) pair(this.box, metric);
		this.zoom = 0;
		for (const name of path) {
			const next = this.box.children[this.zoom].find(c => this.box.name[c] === name);
			if (next === undefined) break;
			this.zoom = next;
		}
		this.hover = -1;
		this.find();
	}
	find() {
		const { box } = this;
		this.hits = null;
		if (!state.search) return;
		this.hits = new Uint8Array(box.parent.length);
		const match = names.map(n => state.search(n));
		let sum = 0;
		const inside = new Uint8Array(box.parent.length);
		for (let i = 1; i < box.parent.length; i++) {
			this.hits[i] = match[box.name[i]] ? 1 : 0;
			inside[i] = inside[box.parent[i]] | this.hits[i];
			if (this.hits[i] && !inside[box.parent[i]]) sum += box.total[i];
		}
		this.matched = sum;
	}
	resize() {
		const width = Math.max(100, this.scroll.clientWidth - 32);
		let rows = 0;
		const { box } = this;
		const base = box.depth[this.zoom];
		const lowest = box.total[this.zoom] / width / 4;
		// Rows that have a box wide enough to be seen.
		const stack = [this.zoom];
		while (stack.length) {
			const i = stack.pop();
			if (box.depth[i] - base > rows) rows = box.depth[i] - base;
			for (const c of box.children[i]) if (box.total[c] > lowest) stack.push(c);
		}
		this.above = [];
		for (let i = box.parent[this.zoom]; i >= 0; i = box.parent[i]) this.above.unshift(i);
		this.rows = this.above.length + rows + 1;
		const height = Math.max(this.rows * ROW + 2, this.scroll.clientHeight - 12);
		const ratio = devicePixelRatio || 1;
		this.width = width;
		this.height = height;
		// A canvas has a greatest size; what is scrolled to is drawn in a part of it.
		this.view = Math.min(height, this.scroll.clientHeight + 2 * ROW);
		this.canvas.width = width * ratio;
		this.canvas.height = height * ratio > 16000 ? 16000 : height * ratio;
		this.ratio = this.canvas.height / height < ratio ? this.canvas.height / height : ratio;
		this.canvas.style.width = `${width}px`;
		this.canvas.style.height = `${height}px`;
		if (!state.icicle && !this.scrolled) this.scroll.scrollTop = height;
	}
	// The top of a row; rows of flames count from below.
	top(row) { return state.icicle ? row * ROW : this.height - (row + 1) * ROW; }
	draw() {
		if (!this.box || !this.width) return;
		const { box, canvas } = this, g = canvas.getContext("2d");
		const scale = this.width / box.total[this.zoom], x0 = box.x[this.zoom];
		g.setTransform(canvas.width / this.width, 0, 0, canvas.height / this.height, 0, 0);
		g.clearRect(0, 0, this.width, this.height);
		g.font = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";
		g.textBaseline = "middle";
		const text = dark ? "#f3f0ea" : "#2a2620", accent = css("--accent"), back = css("--back");
		const from = this.scroll.scrollTop - ROW, to = from + this.scroll.clientHeight + 3 * ROW;
		this.drawn = [];
		const one = (i, x, w, row, faint) => {
			const y = this.top(row);
			if (y < from || y > to) return;
			this.drawn.push(i, x, w, y);
			const hit = this.hits && this.hits[i];
			g.globalAlpha = faint ? 0.45 : this.hits && !hit ? 0.35 : 1;
			g.fillStyle = i === 0 ? css("--line") : hit ? accent :
				box.was ? change(box, i) : color(box.frame[i], box.name[i]);
			g.fillRect(x, y, Math.max(w - (w > 3 ? GAP : 0), 0.6), ROW - GAP);
			const range = rangeOf(box, i);
			if (range && !range.known) {
				g.fillStyle = stripes(g);
				g.fillRect(x, y, Math.max(w - (w > 3 ? GAP : 0), 0.6), ROW - GAP);
			}
			g.globalAlpha = faint ? 0.7 : 1;
			if (w > 28) {
				g.fillStyle = hit ? back : text;
				g.fillText(fit(g, this.label(i), w - 8), x + 4, y + ROW / 2);
			}
			g.globalAlpha = 1;
			if (i === this.hover) {
				g.strokeStyle = css("--text");
				g.lineWidth = 1.5;
				g.strokeRect(x + 0.75, y + 0.75, Math.max(w - GAP - 1.5, 1), ROW - GAP - 1.5);
			}
		};
		this.above.forEach((i, row) => one(i, 0, this.width, row, true));
		const base = box.depth[this.zoom], shift = this.above.length - base;
		const stack = [this.zoom];
		while (stack.length) {
			const i = stack.pop(), w = box.total[i] * scale;
			one(i, (box.x[i] - x0) * scale, w, box.depth[i] + shift, false);
			for (const c of box.children[i]) if (box.total[c] * scale >= 0.4) stack.push(c);
		}
		this.caption();
	}
	label(i) {
		return i ? names[this.box.name[i]] : "all";
	}
	caption() {
		const { box, metric } = this, total = box.total[this.zoom];
		const range = rangeOf(box, this.zoom);
		const crumbs = this.zoom ? `\u2039 ${this.label(this.zoom)}` : "";
		this.title.replaceChildren(element("span", {}, metric.label + " "),
			element("b", {}, (range && !range.known ? "at least " : "") + amount(total, metric.unit)),
			...(range && range.shown ? [element("span", {}, rangeText(range, metric.unit))] : []),
			element("span", {}, this.zoom ? percent(total, box.total[0]) : ""),
			element("span", { className: "crumbs" }, crumbs));
		this.canvas.setAttribute("aria-label", `${metric.label}: ${amount(total, metric.unit)}`);
	}
	at(e) {
		const d = this.drawn ?? [];
		for (let k = d.length - 4; k >= 0; k -= 4)
			if (e.offsetX >= d[k + 1] && e.offsetX < d[k + 1] + Math.max(d[k + 2], 1) &&
			    e.offsetY >= d[k + 3] && e.offsetY < d[k + 3] + ROW)
				return d[k];
		return -1;
	}
	point(e) {
		const i = this.at(e);
		if (i !== this.hover) this.show(i);
	}
	show(i) {
		this.hover = i;
		this.draw();
		if (i < 0) { idle(); return; }
		const { box, metric } = this, f = box.frame[i];
		nameLine.textContent = this.label(i);
		const range = rangeOf(box, i);
		const parts = [`${range && !range.known ? "at least " : ""}${amount(box.total[i], metric.unit)} (${
			percent(box.total[i], box.total[0])})`];
		if (range) parts.push(rangeText(range, metric.unit));
		if (box.was)
			parts.push(`was ${amount(box.was[i], metric.unit)} (${percent(box.was[i], box.wasAll)})`);
		if (box.self[i]) parts.push(`self ${amount(box.self[i], metric.unit)}`);
		if (f >= 0) {
			if (frames.file[f] >= 0)
				parts.push(names[frames.file[f]] + (frames.line[f] ? `:${frames.line[f]}` : ""));
			if (frames.crate[f] >= 0) parts.push(`crate ${names[frames.crate[f]]}`);
			if (frames.module[f] >= 0) parts.push(names[frames.module[f]].split("/").pop());
		}
		whereLine.textContent = parts.join("  \u00b7  ");
	}
	open(i) {
		if (i < 0) return;
		this.zoom = i;
		this.scrolled = false;
		this.resize();
		this.hover = i;
		this.draw();
	}
	// Move the cursor along the tree.
	move(key) {
		const { box } = this;
		let i = this.hover < 0 ? this.zoom : this.hover;
		const outward = state.icicle ? "ArrowUp" : "ArrowDown";
		const inward = state.icicle ? "ArrowDown" : "ArrowUp";
		if (key === outward && box.parent[i] >= 0) i = box.parent[i];
		else if (key === inward && box.children[i].length) i = box.children[i][0];
		else if ((key === "ArrowLeft" || key === "ArrowRight") && box.parent[i] >= 0) {
			const all = box.children[box.parent[i]];
			i = all[all.indexOf(i) + (key === "ArrowLeft" ? -1 : 1)] ?? i;
		}
		const base = box.depth[this.zoom];
		if (box.depth[i] < base) this.open(i);
		this.show(i);
		const y = this.top(box.depth[i] - box.depth[this.zoom] + this.above.length);
		if (y < this.scroll.scrollTop) this.scroll.scrollTop = y;
		else if (y + ROW > this.scroll.scrollTop + this.scroll.clientHeight)
			this.scroll.scrollTop = y + ROW - this.scroll.clientHeight;
	}
}

// Shorten a text to a width in pixels: guess by the mean width of its characters, then correct.
function fit(g, text, width) {
	const most = Math.ceil(width / 4);
	const whole = text.length <= most;
	if (!whole) text = text.slice(0, most);
	const is = g.measureText(text).width;
	if (whole && is <= width) return text;
	let n = Math.min(text.length - 1, Math.floor(text.length * (width - 10) / is));
	while (n > 1 && g.measureText(text.slice(0, n)).width > width - 10) n--;
	return n > 1 ? text.slice(0, n) + "\u2026" : "";
}

function idle() {
	nameLine.textContent = data.command;
	const range = state.from > 0 || state.to < BINS
		? `${amount(binTime(state.from), "ns")} to ${amount(binTime(state.to), "ns")}  \u00b7  ` : "";
	const lost = data.lost.map(([n, what]) => `lost: ${n} ${what}`).join("  \u00b7  ");
	whereLine.textContent = range + (lost || "click to zoom, drag in the timeline for a range, ? for keys");
}

const panes = [new Pane(), new Pane()];
let current = panes[0];

// ---- the timeline -----------------------------------------------------------------

const byBin = { cpu: new Float64Array(BINS), live: null, rss: null, least: null, most: null };
for (let i = 0; i < data.cpu.bin.length; i++) byBin.cpu[data.cpu.bin[i]] += data.cpu.ns[i];
const value = { live: m => m[2], rss: m => m[3], least: m => m[4] ?? m[2], most: m => m[5] ?? m[2] };
for (const which of ["live", "rss", "least", "most"]) {
	const of = value[which];
	const rows = data.memory.filter(m => which === "rss" ? m[3] > 0 : m[2] >= 0);
	if (!rows.length) continue;
	const now = new Map(), line = new Float64Array(BINS).fill(NaN);
	let at = 0;
	for (let b = 0; b < BINS; b++) {
		for (; at < rows.length && rows[at][1] <= b; at++) now.set(rows[at][0], of(rows[at]));
		if (now.size) { line[b] = 0; for (const v of now.values()) line[b] += v; }
	}
	byBin[which] = line;
}
const isKnown = b => byBin.most[b] <= 2 * byBin.least[b] || byBin.most[b] === byBin.least[b];
const highest = line => { let m = 0; for (const v of line ?? []) if (v > m) m = v; return m; };
let timeHover = -1;

// The step of 1, 2 or 5 times a power of ten, or round minutes and hours, that is not less.
function roundStep(ns) {
	for (const s of [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400])
		if (ns > 30e9 && ns <= s * 1e9) return s * 1e9;
	const power = 10 ** Math.floor(Math.log10(Math.max(ns, 1)));
	return [1, 2, 5, 10].map(k => k * power).find(s => s >= ns);
}
// Times of an axis have one unit, and no more digits than the step needs.
function tickLabel(t, every) {
	if (t === 0) return "0";
	if (every >= 60e9) return amount(t, "ns").replace(/m0s$/, "m").replace(/h0m$/, "h");
	const [unit, size] = data.duration >= 1e9 ? ["s", 1e9] : data.duration >= 1e6 ? ["ms", 1e6]
		: data.duration >= 1e3 ? ["\u00b5s", 1e3] : ["ns", 1];
	const more = Math.max(0, -Math.floor(Math.log10(every / size) + 1e-9));
	return `${(t / size).toFixed(more)} ${unit}`;
}

function drawTimeline() {
	const ratio = devicePixelRatio || 1, w = timeline.clientWidth, h = timeline.clientHeight;
	if (!w) return;
	timeline.width = w * ratio;
	timeline.height = h * ratio;
	const g = timeline.getContext("2d");
	g.scale(ratio, ratio);
	g.fillStyle = css("--panel");
	g.fillRect(0, 0, w, h);
	const bottom = h - 17, room = bottom - 6, step = w / BINS;
	// Each column of the area is the mean of the samples that fall in a few pixels.
	const cpu = byBin.cpu, wide = Math.max(1, Math.round(3 / step));
	const means = [];
	for (let b = 0; b < BINS; b += wide) {
		let sum = 0, n = 0;
		for (let k = b; k < b + wide && k < BINS; k++, n++) sum += cpu[k];
		means.push([b, n, sum / n]);
	}
	const most = highest(means.map(m => m[2]));
	if (most) {
		g.fillStyle = css("--cpu");
		g.globalAlpha = 0.75;
		for (const [b, n, mean] of means)
			g.fillRect(b * step, bottom - room * mean / most, n * step + 0.5, room * mean / most);
		g.globalAlpha = 1;
	}
	const top = Math.max(highest(byBin.most), highest(byBin.rss));
	if (byBin.most && top) {
		g.fillStyle = css("--live");
		g.globalAlpha = 0.28;
		for (let b = 0, end; b < BINS; b = end) {
			const low = byBin.least[b], high = byBin.most[b];
			for (end = b + 1; end < BINS && byBin.least[end] === low && byBin.most[end] === high; end++);
			if (high > low)
				g.fillRect(b * step, bottom - room * high / top, (end - b) * step,
					room * (high - low) / top);
		}
		g.globalAlpha = 1;
	}
	for (const which of ["rss", "live"]) {
		const line = byBin[which];
		if (!line || !top) continue;
		g.beginPath();
		for (let b = 0, on = false; b < BINS; b++) {
			if (Number.isNaN(line[b])) continue;
			if (which === "live" && !isKnown(b)) { on = false; continue; }
			const y = bottom - room * line[b] / top;
			if (on) { g.lineTo(b * step, y); g.lineTo((b + 1) * step, y); } else g.moveTo(b * step, y);
			on = true;
		}
		g.strokeStyle = css(`--${which}`);
		g.lineWidth = which === "live" ? 2 : 1.5;
		g.stroke();
	}
	g.fillStyle = css("--dim");
	g.font = "11px system-ui, sans-serif";
	g.textBaseline = "bottom";
	// Round times, and where it ends.
	const every = roundStep(data.duration / Math.max(2, Math.floor(w / 130)));
	for (let t = 0; t < data.duration - every * 0.6; t += every) {
		g.textAlign = t ? "center" : "left";
		g.fillText(tickLabel(t, every), t ? w * t / data.duration : 6, h - 2);
		if (t) g.fillRect(Math.round(w * t / data.duration), bottom, 1, 3);
	}
	g.textAlign = "right";
	g.fillText(amount(data.duration, "ns"), w - 6, h - 2);
	if (state.from > 0 || state.to < BINS) {
		g.fillStyle = css("--shade");
		g.fillRect(0, 0, state.from * step, bottom);
		g.fillRect(state.to * step, 0, w, bottom);
		g.strokeStyle = css("--accent");
		g.lineWidth = 1.5;
		g.strokeRect(state.from * step, 1, (state.to - state.from) * step, bottom - 1);
	}
	if (timeHover >= 0) {
		g.fillStyle = css("--text");
		g.globalAlpha = 0.5;
		g.fillRect((timeHover + 0.5) * step, 0, 1, bottom);
		g.globalAlpha = 1;
	}
}

function describeTime(b) {
	const parts = [`at ${amount(Math.round(binTime(b)), "ns")}`];
	if (isTime && byBin.cpu[b])
		parts.push(`${(byBin.cpu[b] / (data.duration / BINS)).toFixed(2)} CPUs`);
	if (byBin.live && byBin.live[b] >= 0)
		parts.push((isKnown(b) ? `${amount(byBin.live[b], "B")} live` : "live memory not known") +
			(byBin.most[b] > byBin.least[b]
				? `, ${amount(byBin.least[b], "B")} to ${amount(byBin.most[b], "B")}` : ""));
	if (byBin.rss && byBin.rss[b] >= 0) parts.push(`${amount(byBin.rss[b], "B")} resident`);
	return parts.join("  \u00b7  ");
}

let dragFrom = -1;
const binAt = e => Math.max(0, Math.min(BINS - 1,
	Math.floor((e.clientX - timeline.getBoundingClientRect().left) / timeline.clientWidth * BINS)));
timeline.addEventListener("mousedown", e => { dragFrom = binAt(e); e.preventDefault(); timeline.focus(); });
addEventListener("mousemove", e => {
	if (dragFrom < 0) {
		if (e.target !== timeline) return;
		timeHover = binAt(e);
		whereLine.textContent = describeTime(timeHover);
		drawTimeline();
		return;
	}
	const b = binAt(e);
	state.from = Math.min(dragFrom, b);
	state.to = Math.max(dragFrom, b) + 1;
	drawTimeline();
});
addEventListener("mouseup", e => {
	if (dragFrom < 0) return;
	const b = binAt(e);
	if (b === dragFrom) { state.from = 0; state.to = BINS; }
	dragFrom = -1;
	refresh();
});
timeline.addEventListener("mouseleave", () => { timeHover = -1; idle(); drawTimeline(); });

function moveRange(key, shift) {
	const step = 10, width = state.to - state.from;
	const d = key === "ArrowLeft" ? -step : step;
	if (width === BINS) { state.to = state.from + 60; } else if (shift) {
		state.to = Math.max(state.from + step, Math.min(BINS, state.to + d));
	} else {
		const from = Math.max(0, Math.min(BINS - width, state.from + d));
		state.from = from;
		state.to = from + width;
	}
	refresh();
}

// ---- all of it --------------------------------------------------------------------

const memory = () => metrics.find(m => m.id === "live") ?? metrics.find(m => m.id === "bytes");
const time = () => metrics.find(m => m.id === "cpu") ?? metrics.find(m => m.id === "off");
const canSplit = () => memory() && time();

function refresh() {
	const both = state.split && canSplit();
	main.replaceChildren(...(both ? panes : panes.slice(0, 1)).map(p => p.node));
	const shown = both ? [time(), memory()] : [state.metric];
	shown.forEach((m, i) => panes[i].update(m));
	shown.forEach((m, i) => { panes[i].resize(); panes[i].draw(); });
	drawTimeline();
	for (const b of buttons) b.update();
	found.textContent = state.search
		? percent(panes[0].matched, panes[0].box.total[0]) : "";
	idle();
}

const buttons = [];
function button(label, title, pressed, act) {
	const b = element("button", { type: "button", title }, label);
	b.addEventListener("click", () => { act(); refresh(); });
	buttons.push({ update: () => b.setAttribute("aria-pressed", String(pressed())) });
	return b;
}
const toggle = what => { state[what] = !state[what]; for (const p of panes) p.scrolled = false; };

function setSearch(text) {
	let test = null;
	if (text) {
		try {
			const pattern = new RegExp(text, "i");
			test = name => pattern.test(name);
		} catch {
			const lower = text.toLowerCase();
			test = name => name.toLowerCase().includes(lower);
		}
	}
	state.search = test;
	refresh();
}
search.addEventListener("input", () => setSearch(search.value));

function setTheme(on) {
	dark = on;
	document.documentElement.dataset.theme = on ? "dark" : "light";
	legendNow();
}

const keys = [
	["/", "search, by a regular expression", () => search.focus()],
	["m", "the next metric", () => {
		state.metric = metrics[(metrics.indexOf(state.metric) + 1) % metrics.length];
		state.split = false;
	}],
	["s", "time and memory side by side", () => toggle("split")],
	["i", "icicle: callers at the top", () => toggle("icicle")],
	["v", "inverted: from the innermost function outward", () => toggle("inverted")],
	["c", "collapse std, libc and allocators into their callers", () => toggle("collapse")],
	["g", "one box for all instances of a generic function", () => toggle("generic")],
	["t", "light or dark", () => setTheme(!dark)],
	["r", "all of the time, all of the tree", () => reset()],
	["?", "these keys", () => dialog.showModal()],
];
const dialog = element("dialog", {},
	element("h3", {}, "Keys"),
	element("table", {}, ...keys.map(([k, what]) => element("tr", {},
		element("td", {}, element("kbd", {}, k)), element("td", {}, what))),
	...[["arrows", "move in the tree; in the timeline move the range, with Shift its end"],
		["Enter", "zoom"], ["Backspace", "zoom out by one"], ["Esc", "end a search, a range, a zoom"]]
		.map(([k, what]) => element("tr", {}, element("td", {}, element("kbd", {}, k)),
			element("td", {}, what)))),
	element("ul", { className: "remarks" }, ...data.remarks.map(r => element("li", {}, r)),
		...data.lost.map(([n, what]) => element("li", {}, `lost: ${n} ${what}`))));
dialog.addEventListener("click", () => dialog.close());

function reset() {
	state.from = 0;
	state.to = BINS;
	for (const p of panes) { p.zoom = 0; p.scrolled = false; }
}

addEventListener("keydown", e => {
	if (e.ctrlKey || e.metaKey || e.altKey || dialog.open) return;
	if (e.target === search) {
		if (e.key === "Escape") { search.value = ""; setSearch(""); search.blur(); current.canvas.focus(); }
		if (e.key === "Enter") { search.blur(); current.canvas.focus(); }
		return;
	}
	if (e.target.tagName === "SELECT") return;
	if (e.key.startsWith("Arrow")) {
		e.preventDefault();
		if (e.target === timeline) moveRange(e.key, e.shiftKey); else current.move(e.key);
		return;
	}
	if (e.key === "Enter" && e.target.tagName !== "BUTTON") { current.open(current.hover); return; }
	if (e.key === "Backspace") { current.open(current.box.parent[current.zoom]); return; }
	if (e.key === "Escape") {
		if (state.search) { search.value = ""; setSearch(""); return; }
		reset();
		refresh();
		return;
	}
	const k = keys.find(([key]) => key === e.key);
	if (!k) return;
	e.preventDefault();
	k[2]();
	if (e.key !== "/" && e.key !== "?") refresh();
});

function legendNow() {
	const item = (label, background) => {
		const e = element("span", { className: "key" }, label);
		e.style.setProperty("--swatch", background);
		return e;
	};
	const present = new Set(frames.class.map(c => c < 0 ? "other" : names[c]));
	const lines = data.cpu.node.length ? [item(isTime ? "CPU" : data.unit, "var(--cpu)")] : [];
	if (byBin.live) lines.push(item(`live heap, up to ${amount(highest(byBin.most), "B")}`, "var(--live)"));
	if (byBin.rss) lines.push(item(`resident, up to ${amount(highest(byBin.rss), "B")}`, "var(--rss)"));
	lines.push(element("span", { className: "grow" }));
	if (data.old) lines.push(item("larger share than before", "hsl(8 70% 62%)"),
		item("smaller", "hsl(212 60% 62%)"));
	for (const [kind, label] of Object.entries(data.old ? {} : kinds))
		if (present.has(kind)) {
			const [h, s] = hues[kind];
			lines.push(item(label, `hsl(${h} ${dark ? Math.round(s * 0.86) : s}% ${dark ? 37 : 74}%)`));
		}
	if (data.unknown)
		lines.push(item("not known: at least", `repeating-linear-gradient(135deg, ${
			dark ? "#6b6b70 0 2px, #3a3b42" : "#b9b3a8 0 2px, #ece8e0"} 2px 4px)`));
	legend.replaceChildren(...lines);
}

function build() {
	const when = new Date(data.start);
	const select = element("select", { title: "Threads" }, element("option", { value: "-1" }, "all threads"),
		...data.threads.map((t, i) => element("option", { value: String(i) }, t)));
	select.addEventListener("change", () => { state.thread = Number(select.value); refresh(); });
	header.append(
		element("div", { className: "title" }, element("h1", { title: data.command }, data.name),
			element("span", { className: "about" },
				`${amount(data.duration, "ns")}, ${when.toISOString().slice(0, 16).replace("T", " ")}` +
				(data.host ? `, ${data.host}` : ""))),
		element("span", { className: "grow" }),
		element("div", { className: "group" }, ...metrics.map(m => button(m.label, "m", () =>
			!state.split && state.metric === m, () => { state.metric = m; state.split = false; })),
			...(canSplit() ? [button("Both", "s", () => state.split, () => toggle("split"))] : [])),
		element("div", { className: "group" },
			button("Icicle", "i", () => state.icicle, () => toggle("icicle")),
			button("Inverted", "v", () => state.inverted, () => toggle("inverted")),
			button("Collapsed", "c", () => state.collapse, () => toggle("collapse")),
			button("Generic", "g", () => state.generic, () => toggle("generic"))),
		...(data.threads.length > 1 ? [select] : []),
		search, found,
		element("div", { className: "group" },
			button("\u25d0", "light or dark (t)", () => false, () => setTheme(!dark)),
			button("?", "keys", () => false, () => dialog.showModal())));
	document.body.append(header, timeBox, legend, main, footer, dialog);
}

if (!metrics.length) {
	document.body.append(element("header", {}, element("h1", {}, data.name)),
		element("p", {}, "There are no samples."));
	return;
}
build();
setTheme(dark);
refresh();
panes[0].canvas.focus();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", e => { setTheme(e.matches); refresh(); });
let waiting = 0;
addEventListener("resize", () => {
	cancelAnimationFrame(waiting);
	waiting = requestAnimationFrame(refresh);
});
// For tests: what is shown, and how long it took.
window.rsprof = { state, panes, metrics, data, refresh, painted: performance.now() - started };
})();
