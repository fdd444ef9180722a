/*
 * The cache of unwind tables, and what it must not believe: every damage of
 * a file, files and directories of others, other keys and versions.
 */
#include "unwind/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/step.h"
#include "symbol/cache_names.h"
#include "unwind/cache_file.h"
#include "unwind/cache_table.h"
#include "unwind/unwind.h"
#include "tap.h"

#define ID "0123456789abcdef0123456789abcdef01234567"
#define NAME ID ".1000.5.unwind"
#define NAMES ID ".1000.5.names"
#define NOBODY 65534
#define ROWS 40

static const struct cache_key key = { ID, 1000, 5 };
static char top[] = "/tmp/rsprof-cache.XXXXXX";

/* The test's directory is the working directory; what is in it goes by name. */
static void
clean(void)
{
	if (system("rm -rf ./*") != 0)
		exit(1);
	unsetenv("HOME");
	setenv("XDG_CACHE_HOME", top, 1);
}

static struct unwind_table
make_table(uint32_t n, uint32_t seed)
{
	struct unwind_table t = { .nrow = n, .skipped = seed };

	t.row = reallocarray(NULL, n, sizeof *t.row);
	if (t.row == NULL)
		exit(1);
	for (uint32_t i = 0; i < n; i++) {
		t.row[i].offset = 0x1234 + i * 96;
		t.row[i].rule = STEP_RULE(STEP_SP, i + seed, i % 7);
	}
	if (unwind_index(&t) < 0)
		exit(1);
	return t;
}

static int
same(const struct unwind_table *a, const struct unwind_table *b)
{
	return a->nrow == b->nrow && a->npage == b->npage && a->base == b->base &&
	    a->skipped == b->skipped &&
	    memcmp(a->row, b->row, a->nrow * sizeof *a->row) == 0 &&
	    memcmp(a->page, b->page, (a->npage + 1) * sizeof *a->page) == 0;
}

/* Does the cache have this table? */
static int
has(struct cache *c, const struct cache_key *k, const struct unwind_table *want)
{
	struct unwind_table t;
	int good, rust;

	if (cache_table_load(c, k, &t, &rust) < 0)
		return 0;
	good = same(&t, want) && rust == (int)(want->skipped & 1);
	unwind_free(&t);
	return good;
}

static void
save(const struct cache_key *k, uint32_t rows, uint32_t seed)
{
	struct cache *c = cache_open(CACHE_LIMIT);
	struct unwind_table t = make_table(rows, seed);

	cache_table_save(c, k, &t, seed & 1);
	unwind_free(&t);
	cache_close(c);
}

static int
kept(const struct cache_key *k, uint32_t rows, uint32_t seed)
{
	struct cache *c = cache_open(CACHE_LIMIT);
	struct unwind_table t = make_table(rows, seed);
	int good = has(c, k, &t);

	unwind_free(&t);
	cache_close(c);
	return good;
}

/* ---- keys -------------------------------------------------------------- */

static void
test_keys(void)
{
	static const struct cache_key other[] = {
		{ ID, 1001, 5 }, { ID, 1000, 0 },
		{ "0123456789abcdef0123456789abcdef01234568", 1000, 5 },
		{ "0123456789abcdef", 1000, 5 }
	};
	static const char *const bad[] = { "", "h0123456789abcdef", "01234567",
		"0123456789ABCDEF", "../../../../etc/x", "0123456789abcde/" };
	int found = 0, any = 0;

	clean();
	ok(!kept(&key, ROWS, 1), "nothing is kept yet");
	save(&key, ROWS, 1);
	ok(kept(&key, ROWS, 1), "a table is kept");
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		found += kept(&other[i], ROWS, 1);
	ok(found == 0, "only for its build-id, size and owner");
	save(&other[1], ROWS, 2);
	ok(kept(&other[1], ROWS, 2) && kept(&key, ROWS, 1),
	    "another owner's file has its own");
	save(&key, ROWS * 2, 3);
	ok(kept(&key, ROWS * 2, 3), "it can be replaced");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct cache_key k = { bad[i], 1000, 5 };

		save(&k, ROWS, 1);
		any += kept(&k, ROWS, 1);
	}
	ok(any == 0, "what is no strong build-id is not kept");
	ok(access("rsprof/" NAME, F_OK) == 0, "by this name");
}

/* ---- damage ------------------------------------------------------------ */

struct image {
	struct cache_head head;
	struct step_row row[ROWS];
};

static void
put_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len || close(fd) < 0)
		exit(1);
}

static struct image
get_image(void)
{
	struct image image;
	int fd;

	clean();
	save(&key, ROWS, 1);
	fd = open("rsprof/" NAME, O_RDONLY);
	if (read(fd, &image, sizeof image) != sizeof image)
		memset(&image, 0, sizeof image);
	close(fd);
	return image;
}

/* Is a file of these bytes believed? */
static int
believed(const void *bytes, size_t len)
{
	int fd = memfd_create("table", MFD_CLOEXEC);
	struct unwind_table t;
	struct cache_head h;
	size_t size;
	int good, rust;
	void *body;

	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len ||
	    lseek(fd, 0, SEEK_SET) < 0)
		exit(1);
	body = cache_file_read(fd, cache_table_kind(), NAME, &h, &size);
	good = body && cache_table_decode(&t, &rust, h.count, body, size) == 0;
	if (good)
		unwind_free(&t);
	close(fd);
	return good;
}

static void
test_damage(void)
{
	struct image good = get_image();
	char bytes[sizeof good + 8] = { 0 };
	size_t cut = 0, flipped = 0;

	memcpy(bytes, &good, sizeof good);
	ok(believed(bytes, sizeof good), "a whole file is believed");
	for (size_t i = 0; i < sizeof good; i++)
		cut += (size_t)believed(bytes, i);
	ok(cut == 0, "no file that is cut is, wherever");
	ok(!believed(bytes, sizeof good + 1) && !believed(bytes, sizeof good + 8),
	    "nor one with more behind it");
	for (size_t i = 0; i < sizeof good; i++)
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] ^= (char)(1 << bit);
			flipped += (size_t)believed(bytes, sizeof good);
			bytes[i] ^= (char)(1 << bit);
		}
	ok(flipped == 0, "nor one with any bit flipped");
	/* A product keeps the highest bits where they are. */
	for (size_t i = 1; i < 3; i++)
		bytes[offsetof(struct image, row[i]) + 7] ^= (char)0x80;
	ok(!believed(bytes, sizeof good), "nor one with two flipped alike");
	put_file("rsprof/" NAME, bytes, sizeof good - 1);
	ok(!kept(&key, ROWS, 1), "nor is it from the cache");
	save(&key, ROWS, 1);
	ok(kept(&key, ROWS, 1), "but replaced");
}

/* With a checksum that agrees. */
static int
sealed(struct image *image)
{
	image->head.sum = cache_sum(&image->head, image->row, sizeof image->row);
	return believed(image, sizeof *image);
}

static void
test_foreign(void)
{
	const struct image good = get_image();
	struct image image = good;

	ok(sealed(&image), "a file of this build");
	image.head.stamp++;
	ok(!sealed(&image), "of another one");
	image = good;
	image.head.magic[7]++;
	ok(!sealed(&image), "of another kind");
	image = good;
	image.head.name[0] ^= 1;
	ok(!sealed(&image), "of another file");
	image = good;
	image.row[7].offset = image.row[6].offset;
	ok(!sealed(&image), "rows that do not ascend");
	image = good;
	image.row[7].offset = image.row[8].offset + 1;
	ok(!sealed(&image), "or descend");
	image = good;
	image.head.count[CACHE_TABLE_ROWS]--;
	ok(!sealed(&image), "fewer rows than there are");
	image.head.count[CACHE_TABLE_ROWS] = UINT32_MAX;
	image.head.sum = 0;
	ok(!believed(&image, sizeof image), "more rows than there are");
	image.head.count[CACHE_TABLE_ROWS] = 0;
	image.head.sum = cache_sum(&image.head, image.row, 0);
	ok(!believed(&image, sizeof image.head), "no rows");
	image = good;
	image.row[ROWS - 1].offset = UINT32_MAX;
	ok(sealed(&image), "an index of all that rows can say");
}

/* ---- whose, and what else is there ------------------------------------- */

static void
test_places(void)
{
	clean();
	save(&key, ROWS, 1);
	chmod("rsprof/" NAME, 0620);
	ok(!kept(&key, ROWS, 1), "a file that the group can write to");
	chmod("rsprof/" NAME, 0602);
	ok(!kept(&key, ROWS, 1), "or all can");
	save(&key, ROWS, 1);
	ok(kept(&key, ROWS, 1), "is replaced");
	if (rename("rsprof/" NAME, "x") < 0 || symlink("../x", "rsprof/" NAME) < 0)
		exit(1);
	ok(!kept(&key, ROWS, 1), "a symbolic link");
	save(&key, ROWS, 2);
	ok(kept(&key, ROWS, 2), "is replaced, not followed");
	unlink("rsprof/" NAME);
	mkfifo("rsprof/" NAME, 0600);
	ok(!kept(&key, ROWS, 1), "a named pipe nobody writes to");
	unlink("rsprof/" NAME);
	mkdir("rsprof/" NAME, 0700);
	save(&key, ROWS, 1);
	ok(!kept(&key, ROWS, 1), "a directory in its place");
	chmod("rsprof", 0770);
	ok(cache_open(CACHE_LIMIT) == NULL, "a directory that others can write to");
	chmod("rsprof", 0700);
	chmod(".", 0777);
	ok(cache_open(CACHE_LIMIT) == NULL, "or the one it is in");
	chmod(".", 0711);
}

static void
test_owners(void)
{
	if (geteuid() != 0) {
		ok(1, "# SKIP other owners: takes root");
		return;
	}
	clean();
	save(&key, ROWS, 1);
	if (chown("rsprof/" NAME, NOBODY, NOBODY) < 0)
		exit(1);
	ok(!kept(&key, ROWS, 1), "another user's file");
	save(&key, ROWS, 1);
	ok(kept(&key, ROWS, 1), "is replaced");
	if (chown("rsprof", NOBODY, NOBODY) < 0)
		exit(1);
	ok(cache_open(CACHE_LIMIT) == NULL, "another user's directory");
}

/* As root with another user's HOME, or with nobody's. */
static void
test_home(void)
{
	char path[64];
	int root = geteuid() == 0;
	struct cache *c;

	clean();
	unsetenv("XDG_CACHE_HOME");
	ok(cache_open(CACHE_LIMIT) == NULL, "neither XDG_CACHE_HOME nor HOME");
	snprintf(path, sizeof path, "%s/home", top);
	setenv("HOME", path, 1);
	ok(cache_open(CACHE_LIMIT) == NULL, "a HOME that is not there");
	mkdir("home", 0755);
	setenv("HOME", "home", 1);
	ok(cache_open(CACHE_LIMIT) == NULL, "a HOME that is not absolute");
	setenv("HOME", path, 1);
	save(&key, ROWS, 1);
	ok(access("home/.cache/rsprof/" NAME, F_OK) == 0, "$HOME/.cache/rsprof");
	setenv("XDG_CACHE_HOME", "relative", 1);
	ok(kept(&key, ROWS, 1), "a relative XDG_CACHE_HOME does not count");
	snprintf(path, sizeof path, "%s/made/", top);
	setenv("XDG_CACHE_HOME", path, 1);
	save(&key, ROWS, 1);
	ok(access("made/rsprof/" NAME, F_OK) == 0, "XDG_CACHE_HOME is made");
	if (!root)
		return;
	if (system("rm -rf home/.cache made") != 0 ||
	    chown("home", NOBODY, NOBODY) < 0 || chown(".", NOBODY, NOBODY) < 0)
		exit(1);
	ok(cache_open(CACHE_LIMIT) == NULL && access("made", F_OK) < 0,
	    "but not in another user's directory");
	unsetenv("XDG_CACHE_HOME");
	ok(cache_open(CACHE_LIMIT) == NULL && access("home/.cache", F_OK) < 0,
	    "another user's HOME is left alone");
	if (mkdir("own", 0700) < 0 || symlink("../own", "home/.cache") < 0)
		exit(1);
	c = cache_open(CACHE_LIMIT);
	ok(c == NULL && access("own/rsprof", F_OK) < 0,
	    "and links that the other user has made are not followed");
	cache_close(c);
	if (chown(".", 0, 0) < 0)
		exit(1);
}

/* ---- bounds ------------------------------------------------------------ */

static struct cache_key
numbered(unsigned n)
{
	return (struct cache_key){ ID, n, 5 };
}

/* Files, and blocks of 4096 bytes in them. */
static unsigned
count(unsigned *blocks)
{
	DIR *d = opendir("rsprof");
	struct dirent *e;
	struct stat st;
	unsigned n = 0;

	*blocks = 0;
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0) {
			*blocks += (unsigned)(st.st_size + 4095) / 4096;
			n++;
		}
	if (d)
		closedir(d);
	return n;
}

static void
set_used(unsigned n, time_t when)
{
	struct timespec t[2] = { { when, 0 }, { when, 0 } };
	char name[CACHE_NAME_MAX];

	snprintf(name, sizeof name, "rsprof/" ID ".%u.5.unwind", n);
	utimensat(AT_FDCWD, name, t, 0);
}

static void
test_bounds(void)
{
	struct cache *c;
	struct unwind_table t = make_table(ROWS, 1), big = make_table(20000, 1);
	unsigned blocks, most = 0, n;

	clean();
	c = cache_open(16 * 4096);
	for (unsigned i = 0; i < 100; i++) {
		struct cache_key k = numbered(i);

		cache_table_save(c, &k, &t, 1);
		set_used(i, 1000 + i);
		count(&blocks);
		most = blocks > most ? blocks : most;
		k = numbered(0);
		if (!has(c, &k, &t))
			break;
	}
	n = count(&blocks);
	ok(most == 16 && n >= 12, "never more than the limit: %u, %u", most, n);
	ok(kept(&(struct cache_key){ ID, 99, 5 }, ROWS, 1) &&
	        !kept(&(struct cache_key){ ID, 1, 5 }, ROWS, 1),
	    "the oldest go");
	ok(kept(&(struct cache_key){ ID, 0, 5 }, ROWS, 1), "not what is used");
	cache_table_save(c, &key, &big, 1);
	ok(!has(c, &key, &big) && count(&blocks) == n,
	    "what would fill it is not kept");
	cache_close(c);
	unwind_free(&t);
	unwind_free(&big);
}

static void
test_rubbish(void)
{
	static const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct cache *c;
	struct unwind_table t = make_table(ROWS, 1);

	clean();
	mkdir("rsprof", 0700);
	put_file("rsprof/.new.1", "", 0);
	put_file("rsprof/.new.2", "", 0);
	put_file("rsprof/mine", "", 0);
	if (utimensat(AT_FDCWD, "rsprof/.new.1", old, 0) < 0 ||
	    truncate("rsprof/mine", 1 << 20) < 0)
		exit(1);
	c = cache_open(16 * 4096);
	cache_table_save(c, &key, &t, 1);
	ok(access("rsprof/.new.1", F_OK) < 0, "what a dead writer left goes");
	ok(access("rsprof/.new.2", F_OK) == 0, "what another one writes stays");
	ok(access("rsprof/mine", F_OK) == 0 && has(c, &key, &t),
	    "what is not ours stays, and does not count");
	if (system("rm -rf rsprof") != 0)
		exit(1);
	cache_table_save(c, &key, &t, 1);
	ok(!has(c, &key, &t), "deleted while it is open");
	cache_close(c);
	unwind_free(&t);
}

/* ---- trouble ----------------------------------------------------------- */

static void
test_full_disk(void)
{
	struct rlimit some = { 4000, RLIM_INFINITY }, all;
	struct unwind_table t = { .nrow = 1 };
	unsigned blocks;
	int rust;

	clean();
	save(&key, ROWS, 1);
	getrlimit(RLIMIT_FSIZE, &all);
	some.rlim_max = all.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &some);
	save(&key, 1000, 1);
	setrlimit(RLIMIT_FSIZE, &all);
	ok(kept(&key, ROWS, 1), "a file that cannot be written leaves the old one");
	ok(count(&blocks) == 1 && system("ls rsprof/.new.* 2>/dev/null") != 0,
	    "and nothing else");
	cache_table_save(NULL, &key, &t, 1);
	ok(cache_table_load(NULL, &key, &t, &rust) < 0,
	    "no cache keeps nothing");
	cache_close(NULL);
}

/* Tables 0..7 by one of several processes: those that are there are right. */
static int
hammer(unsigned seed)
{
	struct cache *c = cache_open(6 * 4096);
	int good = 1, rust;

	for (unsigned i = 0; i < 600 && good; i++) {
		unsigned n = (i * 7 + seed) % 8;
		struct unwind_table t, want = make_table(ROWS + n, n);
		struct cache_key k = numbered(n);

		if (i % 3 == 0) {
			cache_table_save(c, &k, &want, 0);
		} else if (cache_table_load(c, &k, &t, &rust) == 0) {
			good = same(&t, &want);
			unwind_free(&t);
		}
		unwind_free(&want);
	}
	cache_close(c);
	return good;
}

static void
test_processes(void)
{
	int status, good = 0;

	clean();
	fflush(stdout);
	for (unsigned i = 0; i < 4; i++)
		if (fork() == 0)
			_exit(hammer(i) ? 0 : 1);
	while (wait(&status) > 0)
		good += status == 0;
	ok(good == 4, "four processes at once");
	ok(system("ls rsprof/.new.* 2>/dev/null") != 0, "leave nothing half done");
}

/* What root may do anyway. */
static void
test_permissions(void)
{
	int status = 1;

	clean();
	if (geteuid() == 0 && chown(".", NOBODY, NOBODY) < 0)
		exit(1);
	fflush(stdout);
	if (fork() == 0) {
		int good;

		if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(1);
		save(&key, ROWS, 1);
		good = kept(&key, ROWS, 1);
		chmod("rsprof/" NAME, 0);
		good &= !kept(&key, ROWS, 1);
		save(&key, ROWS, 2);
		good &= kept(&key, ROWS, 2);
		chmod("rsprof", 0500);
		save(&key, ROWS, 3);
		good &= kept(&key, ROWS, 2);
		chmod("rsprof", 0);
		good &= cache_open(CACHE_LIMIT) == NULL;
		chmod("rsprof", 0700);
		_exit(good ? 0 : 1);
	}
	wait(&status);
	ok(status == 0, "files and directories that may not be read or written");
	if (geteuid() == 0 && chown(".", 0, 0) < 0)
		exit(1);
}

/* ---- names ------------------------------------------------------------- */

static const struct cache_frame inner = { "f", "a.rs", 1, 2 };
static const struct cache_frame nameless = { NULL, NULL, 0, 0 };

static struct cache_names *
make_names(unsigned places)
{
	struct cache_names *n = cache_names_new();

	for (unsigned i = 0; i < places; i++) {
		const struct cache_frame f[] = { inner, { i % 2 ? "g" : "h", "b.rs", i, 0 } };

		cache_names_add(n, i * 16, f, 1 + i % 2);
	}
	cache_names_add(n, UINT64_MAX, &nameless, 1);
	return n;
}

static int
same_frame(const struct cache_frame *a, const struct cache_frame *b)
{
	return (!a->function == !b->function) && (!a->file == !b->file) &&
	    (!a->function || strcmp(a->function, b->function) == 0) &&
	    (!a->file || strcmp(a->file, b->file) == 0) && a->line == b->line &&
	    a->column == b->column;
}

static int
right_names(const struct cache_names *n, unsigned places)
{
	struct cache_frame f[CACHE_NAMES_DEPTH];
	int good = cache_names_find(n, 8, f) == 0;

	for (unsigned i = 0; i < places; i++) {
		const struct cache_frame outer = { "g", "b.rs", i, 0 };

		good &= cache_names_find(n, i * 16, f) == 1 + i % 2 && same_frame(f, &inner);
		good &= i % 2 == 0 || same_frame(f + 1, &outer);
	}
	return good && cache_names_find(n, UINT64_MAX, f) == 1 && same_frame(f, &nameless);
}

/* A file with such a body, and a checksum that agrees: is it believed? */
static int
names_believed(const struct cache_head *from, const void *body, size_t len)
{
	int fd = memfd_create("names", MFD_CLOEXEC), good;
	struct cache_head h = *from;
	struct cache_names *n;
	size_t size;
	void *read;

	h.sum = cache_sum(&h, body, len);
	if (fd < 0 || write(fd, &h, sizeof h) != sizeof h ||
	    write(fd, body, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)
		exit(1);
	read = cache_file_read(fd, cache_names_kind(), NAMES, &h, &size);
	n = read ? cache_names_decode(h.count, read, size) : NULL;
	good = n != NULL;
	free(read);
	cache_names_free(n);
	close(fd);
	return good;
}

/* Numbers of what is not there, in a body of two places, three frames and texts. */
static void
test_bad_names(void)
{
	const struct cache_frame f[] = { inner, inner };
	struct cache_names *n = cache_names_new();
	struct cache *c;
	int fd;
	uint32_t *body;
	struct cache_head h, other;
	size_t len;

	cache_names_add(n, 1, f, 1);
	cache_names_add(n, 2, f, 2);
	clean();
	c = cache_open(CACHE_LIMIT);
	cache_names_save(c, &key, n);
	cache_close(c);
	cache_names_free(n);
	fd = open("rsprof/" NAMES, O_RDONLY);
	body = cache_file_read(fd, cache_names_kind(), NAMES, &h, &len);
	close(fd);
	ok(body && len == 2 * 16 + 3 * 16 + 8 && names_believed(&h, body, len),
	    "names in a file, by hand");
	for (int i = 0; i < 3; i++)
		for (int by = -1; by <= 2; by += 3) {
			other = h;
			other.count[i] += (uint32_t)by;
			ok(!names_believed(&other, body, len), "another number of %s, %d",
			    i == 0 ? "places" : i == 1 ? "frames" : "texts", by);
		}
	static const struct {
		const char *what;
		size_t at; /* 32-bit words */
		uint32_t value;
	} bad[] = { { "a place past the frames", 2, 4 }, { "more frames than there are", 7, 3 },
		{ "no frames", 3, 0 }, { "frames without end", 3, UINT32_MAX },
		{ "a text past the last", 8, 2 }, { "a file's past the last", 9, 2 },
		{ "a text twice", 20, 0x00610061 }, { "something behind the texts", 21, 1u << 24 } };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint32_t was = body[bad[i].at];

		body[bad[i].at] = bad[i].value;
		ok(!names_believed(&h, body, len), "%s", bad[i].what);
		body[bad[i].at] = was;
	}
	free(body);
}

static void
test_names(void)
{
	struct cache *c;
	struct cache_names *n = make_names(100);
	struct unwind_table t;
	int rust;

	clean();
	c = cache_open(CACHE_LIMIT);
	ok(cache_names_load(c, &key) == NULL, "no names are kept yet");
	ok(right_names(n, 100) && cache_names_changed(n), "names can be added");
	cache_names_save(c, &key, n);
	cache_names_free(n);
	n = cache_names_load(c, &key);
	ok(n && right_names(n, 100), "and kept");
	ok(n && !cache_names_changed(n), "they are as they were");
	ok(cache_table_load(c, &key, &t, &rust) < 0, "names are no table");
	cache_names_free(n);
	n = cache_names_new();
	for (uint64_t i = 0; i < 2000000; i++)
		cache_names_add(n, i, &inner, 1);
	ok(cache_names_size(n) < CACHE_NAMES_MAX + 4096, "there is a limit");
	cache_names_save(c, &key, n);
	cache_names_free(n);
	n = cache_names_load(c, &key);
	ok(n && cache_names_find(n, 0, (struct cache_frame[CACHE_NAMES_DEPTH]){ 0 }) == 1,
	    "which can be kept");
	cache_names_free(n);
	cache_close(c);
}

int
main(void)
{
	if (mkdtemp(top) == NULL || chdir(top) < 0)
		return 1;
	test_keys();
	test_damage();
	test_foreign();
	test_places();
	test_owners();
	test_home();
	test_bounds();
	test_rubbish();
	test_full_disk();
	test_processes();
	test_permissions();
	test_names();
	test_bad_names();
	clean();
	rmdir(top);
	return tap_done();
}
