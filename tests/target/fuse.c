/*
 * fuse DIRECTORY FILE [UID]: a file system in user space that has nothing but FILE, under its
 * own name, mounted at DIRECTORY.  With UID only that user can access it, as where such
 * a user has mounted it; without all can.  It says "mounted", and serves until it is killed
 * or nothing is mounted there any more.
 *
 * It speaks the protocol of /dev/fuse itself: a request is read, and a reply written.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM 2         /* the node of the file; FUSE_ROOT_ID is the directory */
#define REPLY_MOST 131072 /* bytes of a read */
#define FOREVER 1000000   /* seconds that the kernel may keep what it was told */

struct fuse {
	int device, file;
	const char *name;
	struct stat st;
	char request[FUSE_MIN_READ_BUFFER + REPLY_MOST], reply[REPLY_MOST];
};

/* Answer a request: with an error, or with len bytes of data. */
static void
answer(struct fuse *f, int error, const void *data, size_t len)
{
	static struct {
		struct fuse_out_header head;
		char data[REPLY_MOST];
	} out;
	const struct fuse_in_header *in = (const struct fuse_in_header *)f->request;

	out.head = (struct fuse_out_header){ .len = (uint32_t)(sizeof out.head + len),
		.error = -error, .unique = in->unique };
	if (len)
		memcpy(out.data, data, len);
	/* ENOENT: who asked has been interrupted. */
	if (write(f->device, &out, out.head.len) < 0 && errno != ENOENT)
		err(1, "answer to %u", in->opcode);
}

/* Returns the attributes of a node. */
static struct fuse_attr
attributes(const struct fuse *f, uint64_t node)
{
	int is_file = node == PROGRAM;

	return (struct fuse_attr){ .ino = node, .mode = is_file ? S_IFREG | 0555 : S_IFDIR | 0555,
		.nlink = 1, .size = is_file ? (uint64_t)f->st.st_size : 0,
		.blocks = is_file ? (uint64_t)f->st.st_blocks : 0, .blksize = 4096,
		.mtime = (uint64_t)f->st.st_mtime, .ctime = (uint64_t)f->st.st_ctime };
}

static void
on_init(struct fuse *f, const struct fuse_init_in *in)
{
	struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION, .max_readahead = in->max_readahead,
		.max_write = 4096, .time_gran = 1 };

	answer(f, 0, &out, sizeof out);
}

static void
on_lookup(struct fuse *f, const char *name)
{
	struct fuse_entry_out out = { .nodeid = PROGRAM, .entry_valid = FOREVER,
		.attr_valid = FOREVER, .attr = attributes(f, PROGRAM) };

	if (strcmp(name, f->name) == 0)
		answer(f, 0, &out, sizeof out);
	else
		answer(f, ENOENT, NULL, 0);
}

static void
on_getattr(struct fuse *f, uint64_t node)
{
	struct fuse_attr_out out = { .attr_valid = FOREVER, .attr = attributes(f, node) };

	answer(f, 0, &out, sizeof out);
}

static void
on_read(struct fuse *f, const struct fuse_read_in *in)
{
	size_t len = in->size < sizeof f->reply ? in->size : sizeof f->reply;
	ssize_t got = pread(f->file, f->reply, len, (off_t)in->offset);

	if (got < 0)
		answer(f, errno, NULL, 0);
	else
		answer(f, 0, f->reply, (size_t)got);
}

/* Answer the request that has been read. */
static void
on_request(struct fuse *f)
{
	const struct fuse_in_header *in = (const struct fuse_in_header *)f->request;
	const void *data = in + 1;
	struct fuse_open_out opened = { .open_flags = FOPEN_KEEP_CACHE };

	switch (in->opcode) {
	case FUSE_INIT: on_init(f, data); break;
	case FUSE_LOOKUP: on_lookup(f, data); break;
	case FUSE_GETATTR: on_getattr(f, in->nodeid); break;
	case FUSE_OPEN:
	case FUSE_OPENDIR: answer(f, 0, &opened, sizeof opened); break;
	case FUSE_READ: on_read(f, data); break;
	case FUSE_READDIR:
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR: answer(f, 0, NULL, 0); break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT: break; /* they have no answer */
	default: answer(f, ENOSYS, NULL, 0);
	}
}

/* Mount the file system at a directory.  uid: see above; NULL: all may access it. */
static void
mount_at(const char *directory, int device, const char *uid)
{
	char options[128];

	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%s,group_id=%s%s", device,
	    uid ? uid : "0", uid ? uid : "0", uid ? "" : ",allow_other");
	if (mount("rsprof-test", directory, "fuse.rsprof", MS_NODEV, options) < 0)
		err(1, "mount %s", directory);
}

int
main(int argc, char **argv)
{
	static struct fuse f;
	ssize_t got;

	if (argc != 3 && argc != 4)
		errx(2, "usage: fuse DIRECTORY FILE [UID]");
	f.file = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (f.file < 0 || fstat(f.file, &f.st) < 0)
		err(1, "%s", argv[2]);
	f.name = basename(argv[2]);
	f.device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (f.device < 0)
		err(1, "/dev/fuse");
	mount_at(argv[1], f.device, argv[3]);
	puts("mounted");
	fflush(stdout);
	while ((got = read(f.device, f.request, sizeof f.request)) > 0 || errno == EINTR ||
	    errno == ENOENT)
		if (got > 0)
			on_request(&f);
	if (errno != ENODEV)
		err(1, "/dev/fuse");
	return 0;
}
