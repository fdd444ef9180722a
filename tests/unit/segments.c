/*
 * Files with many segments: all of them count, or the file is refused.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "elf/elf_file.h"
#include "tap.h"

#define CODE 0x1000 /* bytes of each segment */

/* Make a program of n segments of code.  Returns it, to be freed, with its size. */
static unsigned char *
program(unsigned n, size_t *size)
{
	size_t head = sizeof(Elf64_Ehdr) + n * sizeof(Elf64_Phdr);
	unsigned char *image;
	Elf64_Ehdr eh = { .e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_phoff = sizeof eh, .e_ehsize = sizeof eh, .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = (Elf64_Half)n };

	head = (head + CODE - 1) / CODE * CODE;
	*size = head + n * CODE;
	image = calloc(1, *size);
	if (image == NULL)
		return NULL;
	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_ident[EI_VERSION] = EV_CURRENT;
	memcpy(image, &eh, sizeof eh);
	for (unsigned i = 0; i < n; i++) {
		Elf64_Phdr ph = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X,
			.p_offset = head + i * CODE, .p_vaddr = 0x100000 + 2 * i * CODE,
			.p_filesz = CODE, .p_memsz = CODE, .p_align = CODE };

		memcpy(image + sizeof eh + i * sizeof ph, &ph, sizeof ph);
	}
	return image;
}

/* Open such a program.  Returns how many segments of code are known, -1 if it is refused. */
static int
segments(unsigned n, const char **error)
{
	size_t size;
	unsigned char *image = program(n, &size);
	struct elf_file *elf = elf_file_image(image, size, error);
	struct elf_file_segment s;
	uint64_t addr;
	int known = 0;

	while (elf && elf_file_exec_segment(elf, (size_t)known, &s) == 0 &&
	    elf_file_offset_to_addr(elf, s.offset + 5, &addr) == 0 && addr == s.addr + 5)
		known++;
	if (elf == NULL)
		known = -1;
	elf_file_close(elf);
	free(image);
	return known;
}

int
main(void)
{
	const char *error = NULL;
	int got;

	ok(segments(9, &error) == 9, "9 segments");
	ok(segments(ELF_FILE_SEGMENTS, &error) == ELF_FILE_SEGMENTS, "as many as there is room for");
	got = segments(ELF_FILE_SEGMENTS + 1, &error);
	ok(got == -1 && strstr(error, "segments"), "one more is refused, and it is said: %s",
	    error);
	return tap_done();
}
