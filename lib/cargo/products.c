#include "cargo/products.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static const char no_memory[] = "out of memory", damaged[] = "a message of cargo's is damaged";

/* Returns the text of a member of an object, or NULL. */
static const char *
string(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* Returns whether an array of strings has one of them. */
static int
has(const json_t *array, const char *text)
{
	const char *s;

	for (size_t i = 0; i < json_array_size(array); i++)
		if ((s = json_string_value(json_array_get(array, i))) && strcmp(s, text) == 0)
			return 1;
	return 0;
}

/* Returns the kind of a target: whatever else a library is, it is one. */
static const char *
kind_of(const json_t *target)
{
	static const char *const kinds[] = { "bin", "example", "test", "bench" };
	const json_t *kind = json_object_get(target, "kind");

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
add_product(struct cargo_products *p, const json_t *message, const char *path)
{
	const json_t *target = json_object_get(message, "target");
	const json_t *test = json_object_get(json_object_get(message, "profile"), "test");
	const char *name = string(target, "name");
	const char *manifest = string(message, "manifest_path");
	struct cargo_product *new;

	if (array_room(&p->list, p->n, &p->room, sizeof *p->list) < 0)
		return -1;
	new = &p->list[p->n];
	*new = (struct cargo_product){ .path = strdup(path), .name = strdup(name ? name : "?") };
	new->kind = strdup(kind_of(target));
	new->dir = strdup(manifest ? manifest : "");
	new->test = json_is_true(test);
	p->n++;
	if (new->path == NULL || new->name == NULL || new->kind == NULL || new->dir == NULL)
		return -1;
	if (strrchr(new->dir, '/'))
		*strrchr(new->dir, '/') = '\0';
	return 0;
}

/* Note what was built: an executable, or a library that others need when they run. */
static int
on_artifact(struct cargo_products *p, const json_t *message)
{
	const json_t *target = json_object_get(message, "target");
	const json_t *types = json_object_get(target, "crate_types");
	const char *path = string(message, "executable");

	if (has(types, "dylib") || (path && has(types, "proc-macro")))
		p->has_shared_library = 1;
	return path && *path ? add_product(p, message, path) : 0;
}

/* Note where the libraries are that a build script found or made: "KIND=PATH" or "PATH". */
static int
on_build_script(struct cargo_products *p, const json_t *message)
{
	const json_t *paths = json_object_get(message, "linked_paths");

	for (size_t i = 0; i < json_array_size(paths); i++) {
		const char *before = p->libraries ? p->libraries : "";
		const char *text = json_string_value(json_array_get(paths, i)), *path;
		char *all;

		if (text == NULL)
			continue;
		path = strchr(text, '=');
		path = path ? path + 1 : text;
		if (asprintf(&all, "%s%s%s", before, *before ? ":" : "", path) < 0)
			return -1;
		free(p->libraries);
		p->libraries = all;
	}
	return 0;
}

static int
on_message(struct cargo_products *p, const json_t *message)
{
	const char *reason = string(message, "reason");

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
		json_t *message;
		int failed;

		next = newline ? newline + 1 : end;
		if (*line != '{')
			continue;
		message = json_loadb(line, (size_t)(next - line), JSON_ALLOW_NUL, NULL);
		if (message == NULL) {
			*error = damaged;
			return -1;
		}
		failed = on_message(p, message);
		json_decref(message);
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

static int
is_manifest_of(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && strcmp(path + len, "/Cargo.toml") == 0;
}

size_t
cargo_products_default(const struct cargo_products *p, const char *metadata)
{
	json_t *all = json_loads(metadata, JSON_ALLOW_NUL, NULL);
	const json_t *packages = json_object_get(all, "packages");
	size_t found = p->n;

	for (size_t k = 0; k < json_array_size(packages); k++) {
		const char *name = string(json_array_get(packages, k), "default_run");
		const char *path = string(json_array_get(packages, k), "manifest_path");

		for (size_t i = 0; name && path && i < p->n; i++)
			if (strcmp(name, p->list[i].name) == 0 && is_manifest_of(path, p->list[i].dir))
				found = found == p->n ? i : p->n + 1;
	}
	json_decref(all);
	return found < p->n ? found : p->n;
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
