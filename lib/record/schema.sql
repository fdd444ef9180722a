-- The recording of rsprof-store(1), version 5 (PRAGMA user_version).  Running
-- this in a recording of an older version upgrades it: each version added
-- tables, 2 off; 3 class, probe, heap, age and memory; 4 origin;
-- 5 heap_range and memory_range.
--
-- Times are nanoseconds since the recording's start (meta 'start', in
-- nanoseconds since the Epoch); sizes are bytes; ids are row numbers of this
-- file; `hash` has the 64-bit ids of rsprof-records(5), as signed numbers.

PRAGMA application_id = 1920168038; -- "rspf"
PRAGMA user_version = 5;

-- start, version, and from the first stream pid, command, exe, name, host,
-- kernel, arch, hz.
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT)
	WITHOUT ROWID;

-- One row for each stream that was stored, with its header's attributes;
-- offset was added to its clock to get times of this file.  ended and how are
-- the time and the reason of its end record; NULL if it has none.
CREATE TABLE IF NOT EXISTS stream(id INTEGER PRIMARY KEY, producer TEXT,
	offset INTEGER, attributes TEXT, began INTEGER, ended INTEGER,
	how TEXT);

CREATE TABLE IF NOT EXISTS string(id INTEGER PRIMARY KEY, text TEXT UNIQUE);

CREATE TABLE IF NOT EXISTS process(id INTEGER PRIMARY KEY, pid INTEGER,
	ppid INTEGER, name TEXT, exe TEXT, command TEXT, began INTEGER,
	ended INTEGER);
CREATE TABLE IF NOT EXISTS thread(id INTEGER PRIMARY KEY,
	process INTEGER REFERENCES process, tid INTEGER, name TEXT,
	began INTEGER, ended INTEGER);

CREATE TABLE IF NOT EXISTS module(id INTEGER PRIMARY KEY, hash INTEGER UNIQUE,
	buildid TEXT, path TEXT);
CREATE TABLE IF NOT EXISTS map(time INTEGER, process INTEGER REFERENCES process,
	"start" INTEGER, "end" INTEGER, offset INTEGER,
	module INTEGER REFERENCES module);

CREATE TABLE IF NOT EXISTS frame(id INTEGER PRIMARY KEY, hash INTEGER UNIQUE,
	function INTEGER REFERENCES string, file INTEGER REFERENCES string,
	line INTEGER);

-- The tree of stacks.  parent: the caller's node, NULL for an outermost frame;
-- cut: why the callers of the outermost frame are unknown, NULL if the stack is
-- complete (the same in all nodes of a path).
CREATE TABLE IF NOT EXISTS stack(id INTEGER PRIMARY KEY, hash INTEGER UNIQUE,
	parent INTEGER REFERENCES stack, module INTEGER REFERENCES module,
	offset INTEGER, frame INTEGER REFERENCES frame, inlined INTEGER,
	cut TEXT);

-- CPU samples in the order of arrival.  stack is the innermost frame, or NULL
-- if no stack could be taken; then cut says why.
CREATE TABLE IF NOT EXISTS cpu(time INTEGER, thread INTEGER REFERENCES thread,
	stack INTEGER REFERENCES stack, ns INTEGER, cut TEXT);

-- Time off the CPU in the order of arrival: the sum over the interval that
-- ended at `time`, by thread, stack and state; stack and cut are as in cpu.
-- count: waits that ended in the interval.
CREATE TABLE IF NOT EXISTS off(time INTEGER, thread INTEGER REFERENCES thread,
	stack INTEGER REFERENCES stack, ns INTEGER, count INTEGER, state TEXT,
	cut TEXT);

-- Whose code a frame is, if known.
CREATE TABLE IF NOT EXISTS class(frame INTEGER PRIMARY KEY REFERENCES frame,
	class TEXT);

-- The column of a frame, its crate, and the name that all instances of its
-- generic function share (NULL: its own).
CREATE TABLE IF NOT EXISTS origin(frame INTEGER PRIMARY KEY REFERENCES frame,
	"column" INTEGER, crate INTEGER REFERENCES string,
	version INTEGER REFERENCES string, folded INTEGER REFERENCES string);

-- The functions that are probed to see allocations.
CREATE TABLE IF NOT EXISTS probe(time INTEGER,
	process INTEGER REFERENCES process, layer TEXT, function TEXT,
	module INTEGER REFERENCES module, offset INTEGER, how TEXT);

-- Allocations by thread and stack, as in rsprof-records(5), in the interval
-- that ended at `time`; live, count and peak are the values at that time.  stack
-- and cut are as in cpu; sizes and lives are histograms, "bucket:number,...".
CREATE TABLE IF NOT EXISTS heap(time INTEGER, thread INTEGER REFERENCES thread,
	stack INTEGER REFERENCES stack, allocs INTEGER, bytes INTEGER,
	frees INTEGER, freed INTEGER, temps INTEGER, inplace INTEGER,
	moved INTEGER, copied INTEGER, samples INTEGER, live INTEGER,
	count INTEGER, peak INTEGER, sizes TEXT, lives TEXT, cut TEXT);

-- How much of the memory live at `time` was allocated up to `born`, and after
-- the next earlier born of the same snapshot.
CREATE TABLE IF NOT EXISTS age(time INTEGER, thread INTEGER REFERENCES thread,
	stack INTEGER REFERENCES stack, born INTEGER, bytes INTEGER,
	count INTEGER, cut TEXT);

-- The memory of a whole process.
CREATE TABLE IF NOT EXISTS memory(time INTEGER,
	process INTEGER REFERENCES process, live INTEGER, count INTEGER,
	peak INTEGER, rss INTEGER, anon INTEGER, allocs INTEGER, bytes INTEGER,
	frees INTEGER, freed INTEGER, unknown INTEGER, covered INTEGER,
	hits INTEGER, cost INTEGER);

-- How far the figures of a row of heap, or of memory, may be off.  bytes_err and
-- live_err are standard errors of estimates from samples; live_min to live_max
-- and bytes_min to bytes_max are ranges that hold the truth in 19 of 20 cases, or
-- NULL.  A row that is exact has none.  inuse: what the allocator had handed out by
-- its own state, NULL if unknown; period: the mean bytes per sample, 0 if all
-- allocations are recorded.
CREATE TABLE IF NOT EXISTS heap_range(heap INTEGER PRIMARY KEY,
	bytes_err INTEGER, live_err INTEGER, live_min INTEGER, live_max INTEGER,
	bytes_min INTEGER, bytes_max INTEGER);
CREATE TABLE IF NOT EXISTS memory_range(memory INTEGER PRIMARY KEY,
	bytes_err INTEGER, live_err INTEGER, live_min INTEGER, live_max INTEGER,
	bytes_min INTEGER, bytes_max INTEGER, inuse INTEGER, period INTEGER);

CREATE TABLE IF NOT EXISTS lost(time INTEGER, producer TEXT, count INTEGER,
	reason TEXT);
CREATE TABLE IF NOT EXISTS cost(time INTEGER, producer TEXT, ns INTEGER,
	bytes INTEGER);
CREATE TABLE IF NOT EXISTS note(time INTEGER, producer TEXT, text TEXT);

-- Views for people.
CREATE VIEW IF NOT EXISTS frames AS
	SELECT stack.id AS stack, stack.parent AS parent,
		coalesce(fn.text, printf('%s+0x%x',
			coalesce(module.path, '?'), stack.offset)) AS function,
		fi.text AS file, frame.line AS line, stack.inlined AS inlined,
		module.path AS module, stack.offset AS offset, stack.cut AS cut
	FROM stack
	LEFT JOIN module ON module.id = stack.module
	LEFT JOIN frame ON frame.id = stack.frame
	LEFT JOIN string fn ON fn.id = frame.function
	LEFT JOIN string fi ON fi.id = frame.file;
CREATE VIEW IF NOT EXISTS frame_origins AS
	SELECT origin.frame AS frame, origin."column" AS "column",
		crate.text AS crate, version.text AS version,
		coalesce(folded.text, fn.text) AS folded
	FROM origin
	LEFT JOIN frame ON frame.id = origin.frame
	LEFT JOIN string fn ON fn.id = frame.function
	LEFT JOIN string crate ON crate.id = origin.crate
	LEFT JOIN string version ON version.id = origin.version
	LEFT JOIN string folded ON folded.id = origin.folded;
CREATE VIEW IF NOT EXISTS cpu_samples AS
	SELECT cpu.time / 1e9 AS seconds, process.pid AS pid,
		thread.tid AS tid, thread.name AS thread, cpu.ns AS ns,
		frames.function AS function, frames.file AS file,
		frames.line AS line, cpu.stack AS stack,
		coalesce(cpu.cut, frames.cut) AS cut
	FROM cpu
	LEFT JOIN thread ON thread.id = cpu.thread
	LEFT JOIN process ON process.id = thread.process
	LEFT JOIN frames ON frames.stack = cpu.stack;
CREATE VIEW IF NOT EXISTS off_waits AS
	SELECT off.time / 1e9 AS seconds, process.pid AS pid,
		thread.tid AS tid, thread.name AS thread, off.ns AS ns,
		off.count AS count, off.state AS state,
		frames.function AS function, frames.file AS file,
		frames.line AS line, off.stack AS stack,
		coalesce(off.cut, frames.cut) AS cut
	FROM off
	LEFT JOIN thread ON thread.id = off.thread
	LEFT JOIN process ON process.id = thread.process
	LEFT JOIN frames ON frames.stack = off.stack;
-- The frame that an allocation in a stack is charged to: the innermost one that
-- is not of an allocator, libc or std, or else the innermost one.
CREATE VIEW IF NOT EXISTS heap_sites AS
	WITH RECURSIVE up(stack, node, parent, runtime) AS (
		SELECT stack.id, stack.id, stack.parent,
			coalesce(class.class IN ('alloc', 'libc', 'std'), 0)
		FROM stack LEFT JOIN class ON class.frame = stack.frame
		WHERE stack.id IN (SELECT stack FROM heap)
		UNION
		SELECT up.stack, stack.id, stack.parent,
			coalesce(class.class IN ('alloc', 'libc', 'std'), 0)
		FROM up JOIN stack ON stack.id = up.parent
		LEFT JOIN class ON class.frame = stack.frame
		WHERE up.runtime)
	SELECT stack, coalesce(max(CASE WHEN NOT runtime THEN node END), stack)
		AS site
	FROM up GROUP BY stack;
-- The ranges hold the truth in 19 of 20 cases; of samples they are those
-- of rsprof-records(5).  known: that of live memory is not one of windows that is
-- wider than a factor of two.
DROP VIEW IF EXISTS heap_samples;
CREATE VIEW heap_samples AS
	SELECT heap.time / 1e9 AS seconds, process.pid AS pid,
		thread.tid AS tid, thread.name AS thread,
		heap.allocs AS allocs, heap.bytes AS bytes, heap.frees AS frees,
		heap.freed AS freed, heap.temps AS temps, heap.moved AS moved,
		heap.copied AS copied, heap.live AS live, heap.count AS count,
		heap.peak AS peak,
		coalesce(r.live_min, CAST(max(heap.live - r.live_err, 0) * max(heap.live - r.live_err, 0)
			* (1 - 1.0 * r.live_err * r.live_err * r.live_err / heap.live / heap.live / heap.live)
			/ heap.live AS INTEGER), heap.live)
			AS live_min,
		coalesce(r.live_max, CAST(heap.live + r.live_err * (2 + r.live_err
			* (2 + 1.0 * r.live_err / heap.live) / heap.live)
			+ (r.live_err > 0) * 1.0 * heap.live / max(heap.count, 1) AS INTEGER), heap.live) AS live_max,
		coalesce(r.bytes_min, CAST(max(heap.bytes - r.bytes_err, 0) * max(heap.bytes - r.bytes_err, 0)
			* (1 - 1.0 * r.bytes_err * r.bytes_err * r.bytes_err / heap.bytes / heap.bytes / heap.bytes)
			/ heap.bytes AS INTEGER), heap.bytes)
			AS bytes_min,
		coalesce(r.bytes_max, CAST(heap.bytes + r.bytes_err * (2 + r.bytes_err
			* (2 + 1.0 * r.bytes_err / heap.bytes) / heap.bytes)
			+ (r.bytes_err > 0) * 1.0 * heap.bytes / max(heap.allocs, 1) AS INTEGER), heap.bytes)
			AS bytes_max,
		coalesce(r.live_max <= 2 * r.live_min, 1) AS known,
		frames.function AS function, frames.file AS file,
		frames.line AS line, frames.stack AS site, heap.stack AS stack,
		coalesce(heap.cut, frames.cut) AS cut
	FROM heap
	LEFT JOIN heap_range r ON r.heap = heap.rowid
	LEFT JOIN thread ON thread.id = heap.thread
	LEFT JOIN process ON process.id = thread.process
	LEFT JOIN heap_sites ON heap_sites.stack = heap.stack
	LEFT JOIN frames ON frames.stack = heap_sites.site;
-- The last sample of each thread and stack: live memory.  A producer that attaches to
-- a process again does not know what was live before: only samples from then on count.
DROP VIEW IF EXISTS heap_live;
CREATE VIEW heap_live AS
	WITH heaps AS (
		SELECT id, began, CAST(substr(attributes,
			instr(char(9) || attributes, char(9) || 'pid=') + 4) AS INTEGER)
			AS pid
		FROM stream WHERE producer = 'heap'),
	again AS (
		SELECT coalesce(max(s.began), 0) AS time FROM heaps s
		WHERE EXISTS (SELECT 1 FROM heaps o WHERE o.pid = s.pid AND o.id < s.id))
	SELECT max(heap.time) / 1e9 AS seconds, process.pid AS pid,
		thread.tid AS tid, thread.name AS thread, heap.live AS live,
		heap.count AS count, heap.peak AS peak,
		coalesce(r.live_min, CAST(max(heap.live - r.live_err, 0) * max(heap.live - r.live_err, 0)
			* (1 - 1.0 * r.live_err * r.live_err * r.live_err / heap.live / heap.live / heap.live)
			/ heap.live AS INTEGER), heap.live)
			AS live_min,
		coalesce(r.live_max, CAST(heap.live + r.live_err * (2 + r.live_err
			* (2 + 1.0 * r.live_err / heap.live) / heap.live)
			+ (r.live_err > 0) * 1.0 * heap.live / max(heap.count, 1) AS INTEGER), heap.live) AS live_max,
		coalesce(r.live_max <= 2 * r.live_min, 1) AS known,
		frames.function AS function, frames.file AS file,
		frames.line AS line, frames.stack AS site, heap.stack AS stack,
		coalesce(heap.cut, frames.cut) AS cut
	FROM heap
	LEFT JOIN heap_range r ON r.heap = heap.rowid
	LEFT JOIN thread ON thread.id = heap.thread
	LEFT JOIN process ON process.id = thread.process
	LEFT JOIN heap_sites ON heap_sites.stack = heap.stack
	LEFT JOIN frames ON frames.stack = heap_sites.site
	WHERE heap.time >= (SELECT time FROM again)
	GROUP BY heap.thread, heap.stack, heap.cut;
-- Histograms: `count` allocations had at least `least` bytes, or nanoseconds,
-- and less than twice that.
CREATE VIEW IF NOT EXISTS heap_sizes AS
	SELECT heap.time / 1e9 AS seconds, heap.thread AS thread,
		heap.stack AS stack,
		CASE bin.key WHEN '0' THEN 0 ELSE 1 << bin.key END AS least,
		bin.value AS count
	FROM heap, json_each('{"' || replace(replace(heap.sizes,
		':', '":'), ',', ',"') || '}') bin;
CREATE VIEW IF NOT EXISTS heap_lives AS
	SELECT heap.time / 1e9 AS seconds, heap.thread AS thread,
		heap.stack AS stack,
		CASE bin.key WHEN '0' THEN 0 ELSE 1 << bin.key END AS least,
		bin.value AS count
	FROM heap, json_each('{"' || replace(replace(heap.lives,
		':', '":'), ',', ',"') || '}') bin;
CREATE VIEW IF NOT EXISTS heap_ages AS
	SELECT age.time / 1e9 AS seconds, process.pid AS pid,
		thread.tid AS tid, thread.name AS thread, age.born / 1e9 AS born,
		age.bytes AS bytes, age.count AS count,
		frames.function AS function, frames.file AS file,
		frames.line AS line, frames.stack AS site, age.stack AS stack,
		coalesce(age.cut, frames.cut) AS cut
	FROM age
	LEFT JOIN thread ON thread.id = age.thread
	LEFT JOIN process ON process.id = thread.process
	LEFT JOIN heap_sites ON heap_sites.stack = age.stack
	LEFT JOIN frames ON frames.stack = heap_sites.site;
-- The memory of processes, with how far it may be off.
DROP VIEW IF EXISTS memory_samples;
CREATE VIEW memory_samples AS
	SELECT memory.time / 1e9 AS seconds, process.pid AS pid,
		memory.live AS live, memory.count AS count, memory.peak AS peak,
		memory.rss AS rss, memory.anon AS anon, memory.allocs AS allocs,
		memory.bytes AS bytes, memory.covered AS covered,
		memory.hits AS hits, memory.cost AS cost,
		coalesce(r.live_min, CAST(max(memory.live - r.live_err, 0) * max(memory.live - r.live_err, 0)
			* (1 - 1.0 * r.live_err * r.live_err * r.live_err / memory.live / memory.live / memory.live)
			/ memory.live AS INTEGER), memory.live)
			AS live_min,
		coalesce(r.live_max, CAST(memory.live + r.live_err * (2 + r.live_err
			* (2 + 1.0 * r.live_err / memory.live) / memory.live)
			+ (r.live_err > 0) * 1.0 * memory.live / max(memory.count, 1) AS INTEGER), memory.live)
			AS live_max,
		coalesce(r.bytes_min, CAST(max(memory.bytes - r.bytes_err, 0) * max(memory.bytes - r.bytes_err, 0)
			* (1 - 1.0 * r.bytes_err * r.bytes_err * r.bytes_err / memory.bytes / memory.bytes / memory.bytes)
			/ memory.bytes AS INTEGER),
			memory.bytes) AS bytes_min,
		coalesce(r.bytes_max, CAST(memory.bytes + r.bytes_err * (2 + r.bytes_err
			* (2 + 1.0 * r.bytes_err / memory.bytes) / memory.bytes)
			+ (r.bytes_err > 0) * 1.0 * memory.bytes / max(memory.allocs, 1) AS INTEGER), memory.bytes)
			AS bytes_max,
		coalesce(r.live_max <= 2 * r.live_min, 1) AS known,
		r.inuse AS inuse, coalesce(r.period, 0) AS period
	FROM memory
	LEFT JOIN memory_range r ON r.memory = memory.rowid
	LEFT JOIN process ON process.id = memory.process;
