/* JSON is read as RFC 8259 has it, and what is none is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "tap.h"

/* Returns why a text is refused, NULL if it is not. */
static const char *
refused(const char *text)
{
	const char *error;
	struct json *j = json_read(text, strlen(text), &error);

	json_free(j);
	return j ? NULL : error;
}

/* Check that a string in quotes is read as `want`, of len bytes. */
static void
check_string(const char *text, const char *want, size_t len)
{
	const char *error;
	struct json *j = json_read(text, strlen(text), &error);
	const struct json_value *v = j ? json_root(j) : NULL;

	ok(v && v->type == JSON_STRING && v->len == len && memcmp(v->text, want, len + 1) == 0,
	    "a string: %s", text);
	json_free(j);
}

static void
check_tree(void)
{
	static const char text[] = " {\"a\": [1, -2.5e+3, true, null], \"b\":{\"c\":\"d\"},"
	                           "\"a\":0, \"e\":[ ], \"f\":{}}\n";
	const char *error;
	struct json *j = json_read(text, strlen(text), &error);
	const struct json_value *root = json_root(j), *a = json_member(root, "a")->child;

	ok(a->type == JSON_NUMBER && a->len == 1 && *a->text == '1', "a number");
	ok(a->next->len == 7 && strncmp(a->next->text, "-2.5e+3", 7) == 0, "another one");
	ok(a->next->next->type == JSON_TRUE && a->next->next->next->type == JSON_NULL, "words");
	ok(a->next->next->next->next == NULL, "the array ends");
	ok(strcmp(json_string(json_member(root, "b"), "c"), "d") == 0, "an object in an object");
	ok(json_string(root, "a") == NULL && json_string(root, "x") == NULL, "no such string");
	ok(json_member(a, "a") == NULL && json_member(NULL, "a") == NULL, "no object, no member");
	ok(json_member(root, "e")->child == NULL && json_member(root, "f")->child == NULL, "empty ones");
	json_free(j);
}

static void
check_depth(void)
{
	char text[2 * JSON_DEPTH + 4];

	memset(text, '[', JSON_DEPTH);
	memset(text + JSON_DEPTH, ']', JSON_DEPTH);
	text[2 * JSON_DEPTH] = '\0';
	ok(refused(text) == NULL, "as deep as may be");
	memset(text, '[', JSON_DEPTH + 1);
	memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	text[2 * JSON_DEPTH + 2] = '\0';
	ok(refused(text) && strcmp(refused(text), "too deep") == 0, "and not deeper");
}

int
main(void)
{
	static const char *const bad[] = { "", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}",
		"{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "\"", "\"\\", "\"\\x\"", "\"\\u12g4\"",
		"\"\\u12", "\"\t\"", "01", "-", "1.", ".5", "1e", "+1", "nul", "True", "1 2", "[1}", "{]",
		"'a'", "\"a\"b" };

	check_tree();
	check_string("\"\"", "", 0);
	check_string("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz", 10);
	check_string("\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac", 6);
	check_string("\"\\ud83e\\udd80\"", "\xf0\x9f\xa6\x80", 4);
	check_string("\"\\ud83e\\u0041\"", "\xef\xbf\xbd"
	                                   "A",
	    4);
	check_string("\"\\udd80.\"", "\xef\xbf\xbd.", 4);
	check_string("\"a\\u0000b\"", "a\0b", 3);
	check_string("\"\xc3\xa9\xff\"", "\xc3\xa9\xff", 3);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(refused(bad[i]) != NULL, "no JSON: %s", bad[i]);
	check_depth();
	return tap_done();
}
