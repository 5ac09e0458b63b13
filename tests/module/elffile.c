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
		if (entry->d_tag == DT_FLAGS_1 &&
		    (entry->d_un.d_val & DF_1_PIE) != 0)
			file->is_program = true;
	}
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
read_import(const char *name, struct oat_elffile *file)
{
	size_t length = strlen(name);

	if (strcmp(name, "__stack_chk_fail") == 0)
		file->stack_protected = true;
	if (length > 4 && strcmp(name + length - 4, "_chk") == 0)
		file->fortified = true;
}

/* endbr64, what -fcf-protection puts where a pointer may lead. */
static bool
has_landing_pad(const struct image *image, const ElfW(Sym) * symbol)
{
#if defined(__x86_64__)
	const ElfW(Shdr) *code = &image->sections[symbol->st_shndx];

	if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC)
		return true;
	return memcmp(image->bytes + code->sh_offset + symbol->st_value -
			  code->sh_addr,
		   "\xf3\x0f\x1e\xfa", 4) == 0;
#else
	(void)image;
	(void)symbol;
	return true;
#endif
}

static void
read_symbols(const struct image *image, struct oat_elffile *file)
{
	const ElfW(Shdr) *section = find_section(image, SHT_DYNSYM);
	const ElfW(Sym) * symbols;
	const char *names[SYMBOLS_MAX], *name;
	size_t i, count = 0;

	symbols = (const void *)(image->bytes + section->sh_offset);
	file->landing_pads = true;
	for (i = 1; i < section->sh_size / sizeof(*symbols); i++) {
		name = text_at(image, section, symbols[i].st_name);
		if (symbols[i].st_shndx == SHN_UNDEF) {
			read_import(name, file);
			continue;
		}
		if (!has_landing_pad(image, &symbols[i]))
			file->landing_pads = false;
		if (count < SYMBOLS_MAX)
			names[count++] = name;
	}
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
		if (image->segments[i].p_type == PT_LOAD &&
		    (image->segments[i].p_flags & PF_W) != 0 &&
		    (image->segments[i].p_flags & PF_X) != 0)
			file->writable_code = true;
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
	ret_file->mode = status.st_mode & 07777;
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
