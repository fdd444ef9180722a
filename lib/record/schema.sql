-- The recording of rsprof-store(1), version 4 (PRAGMA user_version).  Run in
-- a recording of an older version it makes that one of this version, which
-- has more tables: 2 has off; 3 has class, probe, heap, age and memory; 4 has
-- origin.
--
-- Times are nanoseconds since the recording's start (meta 'start', in
-- nanoseconds since the Epoch); sizes are bytes; ids are small numbers of
-- this file, the 64-bit ids of rsprof-records(5) stand in `hash` (as signed).

PRAGMA application_id = 1920168038; -- "rspf"
PRAGMA user_version = 4;

-- start, version, and what the first stream said: pid, command, exe, name,
-- host, kernel, arch, hz.
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT)
	WITHOUT ROWID;

-- One row for each stream that was stored, with its header's attributes;
-- offset is what was added to its clock to make times of this file.
-- ended is the time of its end record, how its reason; NULL: not ended.
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

-- The tree of stacks.  parent: the caller's node, NULL at an outermost frame;
-- cut: why the callers beyond the outermost frame of this stack are not
-- known, NULL where the stack is complete (the same in all nodes of a path).
CREATE TABLE IF NOT EXISTS stack(id INTEGER PRIMARY KEY, hash INTEGER UNIQUE,
	parent INTEGER REFERENCES stack, module INTEGER REFERENCES module,
	offset INTEGER, frame INTEGER REFERENCES frame, inlined INTEGER,
	cut TEXT);

-- CPU samples in the order of arrival.  stack is the innermost frame; NULL
-- where none could be taken, then cut says why.
CREATE TABLE IF NOT EXISTS cpu(time INTEGER, thread INTEGER REFERENCES thread,
	stack INTEGER REFERENCES stack, ns INTEGER, cut TEXT);

-- Time off the CPU, in the order of arrival: of the interval that ended at
-- `time`, summed up by thread, stack and state; stack and cut are as in cpu.
-- count: waits that ended then.
CREATE TABLE IF NOT EXISTS off(time INTEGER, thread INTEGER REFERENCES thread,
	stack INTEGER REFERENCES stack, ns INTEGER, count INTEGER, state TEXT,
	cut TEXT);

-- Whose code a frame is, where that is known.
CREATE TABLE IF NOT EXISTS class(frame INTEGER PRIMARY KEY REFERENCES frame,
	class TEXT);

-- Where in its line a frame is, the crate that it is of, and its function with all
-- instances of a generic one taken together (NULL: the same).
CREATE TABLE IF NOT EXISTS origin(frame INTEGER PRIMARY KEY REFERENCES frame,
	"column" INTEGER, crate INTEGER REFERENCES string,
	version INTEGER REFERENCES string, folded INTEGER REFERENCES string);

-- The functions that allocations are seen at.
CREATE TABLE IF NOT EXISTS probe(time INTEGER,
	process INTEGER REFERENCES process, layer TEXT, function TEXT,
	module INTEGER REFERENCES module, offset INTEGER, how TEXT);

-- What threads allocated in stacks, as in rsprof-records(5): of the interval
-- that ended at `time`; but live, count and peak are as they were then.  stack
-- and cut are as in cpu; sizes and lives are histograms, "bucket:number,...".
CREATE TABLE IF NOT EXISTS heap(time INTEGER, thread INTEGER REFERENCES thread,
	stack INTEGER REFERENCES stack, allocs INTEGER, bytes INTEGER,
	frees INTEGER, freed INTEGER, temps INTEGER, inplace INTEGER,
	moved INTEGER, copied INTEGER, samples INTEGER, live INTEGER,
	count INTEGER, peak INTEGER, sizes TEXT, lives TEXT, cut TEXT);

-- Of what was live at `time`, how much was allocated until `born`, and after
-- the next earlier born of the same snapshot.
CREATE TABLE IF NOT EXISTS age(time INTEGER, thread INTEGER REFERENCES thread,
	stack INTEGER REFERENCES stack, born INTEGER, bytes INTEGER,
	count INTEGER, cut TEXT);

-- All of a process' memory.
CREATE TABLE IF NOT EXISTS memory(time INTEGER,
	process INTEGER REFERENCES process, live INTEGER, count INTEGER,
	peak INTEGER, rss INTEGER, anon INTEGER, allocs INTEGER, bytes INTEGER,
	frees INTEGER, freed INTEGER, unknown INTEGER, covered INTEGER,
	hits INTEGER, cost INTEGER);

CREATE TABLE IF NOT EXISTS lost(time INTEGER, producer TEXT, count INTEGER,
	reason TEXT);
CREATE TABLE IF NOT EXISTS cost(time INTEGER, producer TEXT, ns INTEGER,
	bytes INTEGER);
CREATE TABLE IF NOT EXISTS note(time INTEGER, producer TEXT, text TEXT);

-- For people.
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
-- What an allocation in a stack is charged to: the innermost frame that is
-- none of an allocator, libc and std; where all are, the innermost one.
CREATE VIEW IF NOT EXISTS heap_sites AS
	WITH RECURSIVE up(stack, node, parent, plumbing) AS (
		SELECT stack.id, stack.id, stack.parent,
			coalesce(class.class IN ('alloc', 'libc', 'std'), 0)
		FROM stack LEFT JOIN class ON class.frame = stack.frame
		WHERE stack.id IN (SELECT stack FROM heap)
		UNION
		SELECT up.stack, stack.id, stack.parent,
			coalesce(class.class IN ('alloc', 'libc', 'std'), 0)
		FROM up JOIN stack ON stack.id = up.parent
		LEFT JOIN class ON class.frame = stack.frame
		WHERE up.plumbing)
	SELECT stack, coalesce(max(CASE WHEN NOT plumbing THEN node END), stack)
		AS site
	FROM up GROUP BY stack;
CREATE VIEW IF NOT EXISTS heap_samples AS
	SELECT heap.time / 1e9 AS seconds, process.pid AS pid,
		thread.tid AS tid, thread.name AS thread,
		heap.allocs AS allocs, heap.bytes AS bytes, heap.frees AS frees,
		heap.freed AS freed, heap.temps AS temps, heap.moved AS moved,
		heap.copied AS copied, heap.live AS live, heap.count AS count,
		heap.peak AS peak,
		frames.function AS function, frames.file AS file,
		frames.line AS line, frames.stack AS site, heap.stack AS stack,
		coalesce(heap.cut, frames.cut) AS cut
	FROM heap
	LEFT JOIN thread ON thread.id = heap.thread
	LEFT JOIN process ON process.id = thread.process
	LEFT JOIN heap_sites ON heap_sites.stack = heap.stack
	LEFT JOIN frames ON frames.stack = heap_sites.site;
-- The last of them of each thread and stack: what is live.
CREATE VIEW IF NOT EXISTS heap_live AS
	SELECT max(heap.time) / 1e9 AS seconds, process.pid AS pid,
		thread.tid AS tid, thread.name AS thread, heap.live AS live,
		heap.count AS count, heap.peak AS peak,
		frames.function AS function, frames.file AS file,
		frames.line AS line, frames.stack AS site, heap.stack AS stack,
		coalesce(heap.cut, frames.cut) AS cut
	FROM heap
	LEFT JOIN thread ON thread.id = heap.thread
	LEFT JOIN process ON process.id = thread.process
	LEFT JOIN heap_sites ON heap_sites.stack = heap.stack
	LEFT JOIN frames ON frames.stack = heap_sites.site
	GROUP BY heap.thread, heap.stack, heap.cut;
-- Histograms: so many had at least so many bytes, or nanoseconds, and less
-- than twice that.
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
