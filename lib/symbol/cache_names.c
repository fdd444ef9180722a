#include "symbol/cache_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/idmap.h"
#include "base/strtab.h"
#include "unwind/cache.h"
#include "unwind/cache_file.h"

#include "symbol.stamp.h"

struct location {
	uint64_t offset;
	uint32_t first, count; /* of the frames */
};

struct frame {
	uint32_t function, file; /* numbers of texts, or STRTAB_NONE */
	uint32_t line, column;
};

struct cache_names {
	struct location *location;
	struct frame *frame;
	size_t nlocation, location_room, nframe, frame_room;
	struct idmap at;    /* offset -> location */
	struct strtab text;
	uint64_t text_size; /* bytes with NULs */
	int changed;
};

_Static_assert(sizeof(struct location) == 16 && sizeof(struct frame) == 16, "file");

struct cache_names *
cache_names_new(void)
{
	return calloc(1, sizeof(struct cache_names));
}

void
cache_names_free(struct cache_names *n)
{
	if (n == NULL)
		return;
	idmap_clear(&n->at);
	strtab_clear(&n->text);
	free(n->location);
	free(n->frame);
	free(n);
}

int
cache_names_changed(const struct cache_names *n)
{
	return n->changed;
}

const struct cache_kind *
cache_names_kind(void)
{
	static const struct cache_kind kind = { ".names", "rsprof\nN", STAMP };

	return &kind;
}

/* Returns the bytes that the names take in a file, but for its head. */
static size_t
body_size(const struct cache_names *n)
{
	return n->nlocation * sizeof *n->location + n->nframe * sizeof *n->frame +
	    (n->text_size + 7) / 8 * 8;
}

uint64_t
cache_names_size(const struct cache_names *n)
{
	return sizeof(struct cache_head) + body_size(n);
}

/* ---- finding and adding ------------------------------------------------ */

size_t
cache_names_find(const struct cache_names *n, uint64_t offset,
    struct cache_frame out[CACHE_NAMES_DEPTH])
{
	uint32_t i = idmap_get(&n->at, offset);
	const struct location *p;

	if (i == IDMAP_NONE)
		return 0;
	p = &n->location[i];
	for (uint32_t k = 0; k < p->count; k++) {
		const struct frame *f = &n->frame[p->first + k];

		out[k].function = strtab_text(&n->text, f->function);
		out[k].file = strtab_text(&n->text, f->file);
		out[k].line = f->line;
		out[k].column = f->column;
	}
	return p->count;
}

static int
add_text(struct cache_names *n, const char *text, uint32_t *number)
{
	size_t before = n->text.n;

	if (strtab_add(&n->text, text, number) < 0)
		return -1;
	if (n->text.n > before)
		n->text_size += strlen(text) + 1;
	return 0;
}

static int
add_frame(struct cache_names *n, const struct cache_frame *from)
{
	struct frame *f;

	if (array_room(&n->frame, n->nframe, &n->frame_room, sizeof *n->frame) < 0)
		return -1;
	f = &n->frame[n->nframe];
	f->line = from->line;
	f->column = from->column;
	if (add_text(n, from->function, &f->function) < 0 ||
	    add_text(n, from->file, &f->file) < 0)
		return -1;
	n->nframe++;
	return 0;
}

static int
add_location(struct cache_names *n, const struct location *p)
{
	if (array_room(&n->location, n->nlocation, &n->location_room, sizeof *n->location) < 0 ||
	    idmap_put(&n->at, p->offset, (uint32_t)n->nlocation) < 0)
		return -1;
	n->location[n->nlocation++] = *p;
	return 0;
}

void
cache_names_add(struct cache_names *n, uint64_t offset, const struct cache_frame *frame,
    size_t count)
{
	struct location p = { offset, (uint32_t)n->nframe, (uint32_t)count };

	if (count == 0 || count > CACHE_NAMES_DEPTH || cache_names_size(n) > CACHE_NAMES_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		if (add_frame(n, &frame[i]) < 0)
			goto fail;
	if (add_location(n, &p) < 0)
		goto fail;
	n->changed = 1;
	return;
fail:
	n->nframe = p.first;
}

/* ---- decoding ---------------------------------------------------------- */

/* Each text once, and no more behind them than NULs that round up. */
static int
read_texts(struct cache_names *n, const char *text, size_t len, uint32_t count)
{
	const char *end = text + len, *nul;
	uint32_t number;

	for (uint32_t i = 0; i < count; i++, text = nul + 1) {
		nul = memchr(text, '\0', (size_t)(end - text));
		if (nul == NULL || add_text(n, text, &number) < 0 || number != i)
			return -1;
	}
	if (end - text >= 8)
		return -1;
	while (text < end)
		if (*text++)
			return -1;
	return 0;
}

static int
read_frames(struct cache_names *n, const void *bytes, uint32_t count, uint32_t ntext)
{
	const struct frame *f;

	n->frame = reallocarray(NULL, count, sizeof *f);
	if (n->frame == NULL)
		return -1;
	memcpy(n->frame, bytes, count * sizeof *f);
	n->nframe = n->frame_room = count;
	for (f = n->frame; f < n->frame + count; f++)
		if ((f->function >= ntext && f->function != STRTAB_NONE) ||
		    (f->file >= ntext && f->file != STRTAB_NONE))
			return -1;
	return 0;
}

static int
read_locations(struct cache_names *n, const unsigned char *bytes, uint32_t count)
{
	struct location p;

	for (uint32_t i = 0; i < count; i++) {
		memcpy(&p, bytes + i * sizeof p, sizeof p);
		if (p.count == 0 || p.count > CACHE_NAMES_DEPTH || p.first > n->nframe ||
		    p.count > n->nframe - p.first || add_location(n, &p) < 0)
			return -1;
	}
	return 0;
}

static int
read_body(struct cache_names *n, const uint32_t count[CACHE_COUNTS], const unsigned char *body,
    size_t len)
{
	uint32_t nlocation = count[CACHE_NAMES_LOCATIONS], nframe = count[CACHE_NAMES_FRAMES];
	uint32_t ntext = count[CACHE_NAMES_TEXTS];
	uint64_t frames = nlocation * (uint64_t)sizeof(struct location);
	uint64_t texts = frames + nframe * (uint64_t)sizeof(struct frame);

	if (nlocation == 0 || nframe == 0 || texts > len)
		return -1;
	if (read_texts(n, (const char *)body + texts, len - texts, ntext) < 0 ||
	    read_frames(n, body + frames, nframe, ntext) < 0)
		return -1;
	return read_locations(n, body, nlocation);
}

struct cache_names *
cache_names_decode(const uint32_t count[CACHE_COUNTS], const void *body, size_t len)
{
	struct cache_names *n = cache_names_new();

	if (n && read_body(n, count, body, len) == 0)
		return n;
	cache_names_free(n);
	return NULL;
}

/* ---- in the cache -------------------------------------------------------- */

struct cache_names *
cache_names_load(struct cache *c, const struct cache_key *key)
{
	struct cache_names *n;
	uint32_t count[CACHE_COUNTS];
	size_t len;
	void *body = cache_read(c, key, cache_names_kind(), count, &len);

	if (body == NULL)
		return NULL;
	n = cache_names_decode(count, body, len);
	free(body);
	return n;
}

static void *
append(unsigned char *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

void
cache_names_save(struct cache *c, const struct cache_key *key, const struct cache_names *n)
{
	const uint32_t count[CACHE_COUNTS] = { (uint32_t)n->nlocation, (uint32_t)n->nframe,
		(uint32_t)n->text.n, 0 };
	unsigned char *body = cache_names_changed(n) ? calloc(1, body_size(n)) : NULL, *end;

	if (body == NULL)
		return;
	end = append(body, n->location, n->nlocation * sizeof *n->location);
	end = append(end, n->frame, n->nframe * sizeof *n->frame);
	for (size_t i = 0; i < n->text.n; i++)
		end = append(end, n->text.text[i], strlen(n->text.text[i]) + 1);
	cache_write(c, key, cache_names_kind(), count, body, body_size(n));
	free(body);
}
