/* What is said of BPF programs that the kernel does not take. */
#include "os/loader.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bpf/heap.h"
#include "tests/unit/tap.h"

#include "heap.skel.h"

/* Load the programs of the heap, of which one may not call what it calls: the verifier
 * says EACCES, as it did of sessions before Linux 6.13. */
static void
refused(void)
{
	struct heap_bpf *b;
	char why[512] = "";
	int error;

	loader_listen();
	b = heap_bpf__open();
	if (b == NULL) {
		ok(0, "the programs are there: %s", strerror(errno));
		return;
	}
	bpf_map__set_max_entries(b->maps.scratch, 1);
	bpf_map__set_max_entries(b->maps.walk_chunks, 1);
	bpf_map__set_max_entries(b->maps.ring, 1 << 16);
	bpf_program__set_expected_attach_type(b->progs.on_session, 0);
	error = heap_bpf__load(b) < 0 ? errno : 0;
	loader_explain(error, why, sizeof why);
	ok(error != 0, "a program is refused (%s)", strerror(error));
	ok(strstr(why, "verifier") && strstr(why, "bpf_session_is_return"),
	    "it is said by whom, and why: %s", why);
	ok(errno != EPERM && errno != EACCES, "that is no missing permission");
	heap_bpf__destroy(b);
}

int
main(void)
{
	char why[512];

	loader_listen();
	loader_explain(EACCES, why, sizeof why);
	ok(errno == EACCES && strstr(why, "not permitted"), "a refusal without a reason: %s",
	    why);
	if (geteuid() == 0 && loader_has_sessions())
		refused();
	return tap_done();
}
