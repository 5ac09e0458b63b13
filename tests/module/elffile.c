/* SPDX-License-Identifier: MIT */
#include "tests/module/elffile.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYMBOLS_MAX 64

struct image {
	const unsigned char *bytes;
	const ElfW(Ehdr) * header;
	const ElfW(Shdr) * sections;
	const ElfW(Phdr) * segments;
};

/* The section of a type, or NULL. */
static const ElfW(Shdr) * find_section(const struct image *image, unsigned type)
{
	size_t i;

	for (i = 0; i < image->header->e_shnum; i++)
		if (image->sections[i].sh_type == type)
			return &image->sections[i];
	return NULL;
}

static const char *
text_at(const struct image *image, const ElfW(Shdr) * section, size_t offset)
{
	const ElfW(Shdr) *strings = &image->sections[section->sh_link];

	return (const char *)image->bytes + strings->sh_offset + offset;
}

static void
append(char *list, size_t size, const char *word)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? " " : "", word);
}

static void
read_dynamic(const struct image *image, struct oat_elffile *file)
{
	const ElfW(Shdr) *section = find_section(image, SHT_DYNAMIC);
	const ElfW(Dyn) * entry;

	entry = (const void *)(image->bytes + section->sh_offset);
	for (; entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_NEEDED)
			append(file->needed, sizeof(file->needed),
			    text_at(image, section, entry->d_un.d_val));
		if (entry->d_tag == DT_SONAME)
			snprintf(file->soname, sizeof(file->soname), "%s",
			    text_at(image, section, entry->d_un.d_val));
		if (entry->d_tag == DT_RPATH || entry->d_tag == DT_RUNPATH)
			file->runpath = true;
		if (entry->d_tag == DT_TEXTREL)
			file->text_relocations = true;
		if (entry->d_tag == DT_FLAGS &&
		    (entry->d_un.d_val & DF_BIND_NOW) != 0)
			file->bind_now = true;
	}
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
read_symbols(const struct image *image, struct oat_elffile *file)
{
	const ElfW(Shdr) *section = find_section(image, SHT_DYNSYM);
	const ElfW(Sym) * symbols;
	const char *names[SYMBOLS_MAX];
	size_t i, count = 0;

	symbols = (const void *)(image->bytes + section->sh_offset);
	for (i = 1; i < section->sh_size / sizeof(*symbols); i++)
		if (symbols[i].st_shndx != SHN_UNDEF && count < SYMBOLS_MAX)
			names[count++] =
			    text_at(image, section, symbols[i].st_name);
	qsort(names, count, sizeof(*names), compare);
	for (i = 0; i < count; i++)
		append(file->exports, sizeof(file->exports), names[i]);
}

static void
read_segments(const struct image *image, struct oat_elffile *file)
{
	size_t i;

	for (i = 0; i < image->header->e_phnum; i++) {
		if (image->segments[i].p_type == PT_GNU_RELRO)
			file->relro = true;
		if (image->segments[i].p_type == PT_GNU_STACK &&
		    (image->segments[i].p_flags & PF_X) != 0)
			file->executable_stack = true;
	}
}

bool
oat_elffile_read(const char *path, struct oat_elffile *ret_file)
{
	struct image image = { 0 };
	struct stat status;
	void *map;
	int fd;

	memset(ret_file, 0, sizeof(*ret_file));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &status) == -1)
		return false;
	map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED || memcmp(map, ELFMAG, SELFMAG) != 0)
		return false;
	image.bytes = map;
	image.header = map;
	image.sections = (const void *)(image.bytes + image.header->e_shoff);
	image.segments = (const void *)(image.bytes + image.header->e_phoff);
	read_dynamic(&image, ret_file);
	read_symbols(&image, ret_file);
	read_segments(&image, ret_file);
	munmap(map, (size_t)status.st_size);
	return true;
}
