#include "cargo/products.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/json.h"

static const char no_memory[] = "out of memory", damaged[] = "a message of cargo's is damaged";

/* Returns whether an array of strings has one of them. */
static int
has(const struct json_value *array, const char *text)
{
	for (const struct json_value *v = array ? array->child : NULL; v; v = v->next)
		if (v->type == JSON_STRING && strcmp(v->text, text) == 0)
			return 1;
	return 0;
}

/* Returns the kind of a target: whatever else a library is, it is one. */
static const char *
kind_of(const struct json_value *target)
{
	static const char *const kinds[] = { "bin", "example", "test", "bench" };
	const struct json_value *kind = json_member(target, "kind");

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (has(kind, kinds[i]))
			return kinds[i];
	return "lib";
}

static void
clear_product(struct cargo_product *p)
{
	free(p->path);
	free(p->name);
	free(p->kind);
	free(p->dir);
}

static int
add_product(struct cargo_products *p, const struct json_value *message, const char *path)
{
	const struct json_value *target = json_member(message, "target");
	const struct json_value *test = json_member(json_member(message, "profile"), "test");
	const char *name = json_string(target, "name");
	const char *manifest = json_string(message, "manifest_path");
	struct cargo_product *new;

	if (array_room(&p->list, p->n, &p->room, sizeof *p->list) < 0)
		return -1;
	new = &p->list[p->n];
	*new = (struct cargo_product){ .path = strdup(path), .name = strdup(name ? name : "?") };
	new->kind = strdup(kind_of(target));
	new->dir = strdup(manifest ? manifest : "");
	new->test = test && test->type == JSON_TRUE;
	p->n++;
	if (new->path == NULL || new->name == NULL || new->kind == NULL || new->dir == NULL)
		return -1;
	if (strrchr(new->dir, '/'))
		*strrchr(new->dir, '/') = '\0';
	return 0;
}

/* Note what was built: an executable, or a library that others need when they run. */
static int
on_artifact(struct cargo_products *p, const struct json_value *message)
{
	const struct json_value *target = json_member(message, "target");
	const struct json_value *types = json_member(target, "crate_types");
	const char *path = json_string(message, "executable");

	if (has(types, "dylib") || (path && has(types, "proc-macro")))
		p->has_shared_library = 1;
	return path && *path ? add_product(p, message, path) : 0;
}

/* Note where the libraries are that a build script found or made: "KIND=PATH" or "PATH". */
static int
on_build_script(struct cargo_products *p, const struct json_value *message)
{
	const struct json_value *paths = json_member(message, "linked_paths");

	for (const struct json_value *v = paths ? paths->child : NULL; v; v = v->next) {
		const char *before = p->libraries ? p->libraries : "", *path;
		char *all;

		if (v->type != JSON_STRING)
			continue;
		path = strchr(v->text, '=');
		path = path ? path + 1 : v->text;
		if (asprintf(&all, "%s%s%s", before, *before ? ":" : "", path) < 0)
			return -1;
		free(p->libraries);
		p->libraries = all;
	}
	return 0;
}

static int
on_message(struct cargo_products *p, const struct json_value *message)
{
	const char *reason = json_string(message, "reason");

	if (reason == NULL)
		return 0;
	if (strcmp(reason, "compiler-artifact") == 0)
		return on_artifact(p, message);
	if (strcmp(reason, "build-script-executed") == 0)
		return on_build_script(p, message);
	return 0;
}

int
cargo_products_read(struct cargo_products *p, const char *text, size_t len, const char **error)
{
	const char *end = text + len;

	for (const char *line = text, *next; line < end; line = next) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		struct json *j;
		int failed;

		next = newline ? newline + 1 : end;
		if (*line != '{')
			continue;
		if ((j = json_read(line, (size_t)(next - line), error)) == NULL) {
			*error = damaged;
			return -1;
		}
		failed = on_message(p, json_root(j));
		json_free(j);
		if (failed) {
			*error = no_memory;
			return -1;
		}
	}
	return 0;
}

void
cargo_products_keep(struct cargo_products *p, int test, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].test == test && (kind == NULL || strcmp(p->list[i].kind, kind) == 0))
			p->list[n++] = p->list[i];
		else
			clear_product(&p->list[i]);
	p->n = n;
}

void
cargo_products_choose(struct cargo_products *p, size_t kept)
{
	struct cargo_product chosen = p->list[kept];

	for (size_t i = 0; i < p->n; i++)
		if (i != kept)
			clear_product(&p->list[i]);
	p->list[0] = chosen;
	p->n = 1;
}

/* Returns the length of the directory that a build for one profile has: executables are there, in
 * deps, or in examples. */
static size_t
build_directory(const char *path)
{
	static const char *const below[] = { "/deps", "/examples" };
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
		size_t n = strlen(below[i]);

		if (len > n && strncmp(path + len - n, below[i], n) == 0)
			return len - n;
	}
	return len;
}

/* Write those of the directories, by `:`, that begin as `path` does, each with a `:`. */
static void
print_inside(FILE *out, const char *dirs, const char *path, size_t len)
{
	while (*dirs) {
		size_t n = strcspn(dirs, ":");

		if (n > len && strncmp(dirs, path, len) == 0 && dirs[len] == '/')
			fprintf(out, "%.*s:", (int)n, dirs);
		dirs += n + (dirs[n] == ':');
	}
}

char *
cargo_products_path(const struct cargo_products *p, const char *sysroot, const char *old)
{
	const char *path = p->list[0].path;
	size_t len = build_directory(path), size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	if (p->libraries)
		print_inside(out, p->libraries, path, len);
	if (p->has_shared_library || ftell(out) > 0) {
		fprintf(out, "%.*s/deps:%.*s", (int)len, path, (int)len, path);
		if (sysroot)
			fprintf(out, ":%s/lib", sysroot);
		if (old && *old)
			fprintf(out, ":%s", old);
	}
	if (fclose(out) == EOF || *text == '\0') {
		free(text);
		return NULL;
	}
	return text;
}

void
cargo_products_clear(struct cargo_products *p)
{
	for (size_t i = 0; i < p->n; i++)
		clear_product(&p->list[i]);
	free(p->list);
	free(p->libraries);
	*p = (struct cargo_products){ .list = NULL };
}
