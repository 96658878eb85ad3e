/* runtime/elf.h: program headers, then the dynamic section and its strings. */
#include "runtime/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define HEADERS_MAX 64
#define DYNAMIC_MAX 256
#define TEXT_MAX    4096

struct file {
	struct arena *arena;
	int fd;
	Elf64_Phdr headers[HEADERS_MAX];
	unsigned count;
};

static bool read_at(const struct file *file, void *bytes, size_t size, uint64_t offset)
{
	return offset <= INT64_MAX - size &&
	       pread(file->fd, bytes, size, (off_t)offset) == (ssize_t)size;
}

static bool read_headers(struct file *file)
{
	Elf64_Ehdr header;

	if (!read_at(file, &header, sizeof(header), 0) ||
		memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
		header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
		header.e_phentsize != sizeof(file->headers[0]) || header.e_phnum > HEADERS_MAX)
		return false;
	file->count = header.e_phnum;
	return read_at(file, file->headers, file->count * sizeof(file->headers[0]), header.e_phoff);
}

/* A NUL-terminated text of the file; NULL where none ends there. */
static const char *text_at(const struct file *file, uint64_t offset)
{
	char text[TEXT_MAX];
	ssize_t n = offset > INT64_MAX ? -1 : pread(file->fd, text, sizeof(text), (off_t)offset);

	if (n <= 0 || !memchr(text, '\0', (size_t)n))
		return NULL;
	return arena_strdup(file->arena, str_of(text));
}

/* Where in the file an address of the loaded image lies; UINT64_MAX: nowhere. */
static uint64_t offset_of(const struct file *file, uint64_t address)
{
	unsigned i;

	for (i = 0; i < file->count; i++) {
		const Elf64_Phdr *header = &file->headers[i];

		if (header->p_type == PT_LOAD && address >= header->p_vaddr &&
			address - header->p_vaddr < header->p_filesz)
			return header->p_offset + (address - header->p_vaddr);
	}
	return UINT64_MAX;
}

static unsigned read_dynamic(
	const struct file *file, const Elf64_Phdr *header, Elf64_Dyn entries[DYNAMIC_MAX])
{
	uint64_t count = header->p_filesz / sizeof(entries[0]);

	if (count > DYNAMIC_MAX)
		count = DYNAMIC_MAX;
	return read_at(file, entries, count * sizeof(entries[0]), header->p_offset)
		       ? (unsigned)count
		       : 0;
}

static void read_needs(
	const struct file *file, const Elf64_Dyn *entries, unsigned count, struct elf_needs *ret)
{
	uint64_t strings = UINT64_MAX;
	unsigned i;

	for (i = 0; i < count; i++)
		if (entries[i].d_tag == DT_STRTAB)
			strings = offset_of(file, entries[i].d_un.d_ptr);
	for (i = 0; i < count && entries[i].d_tag != DT_NULL && strings != UINT64_MAX; i++) {
		uint64_t at = strings + entries[i].d_un.d_val;
		bool is_path = entries[i].d_tag == DT_RUNPATH ||
			       (entries[i].d_tag == DT_RPATH && !ret->runpath);
		const char *text = NULL;

		if (at >= strings && (entries[i].d_tag == DT_NEEDED || is_path))
			text = text_at(file, at);
		if (is_path && text)
			ret->runpath = text;
		else if (text && ret->count < ELF_NEEDED_MAX)
			ret->names[ret->count++] = text;
	}
}

int elf_read(struct arena *arena, int fd, struct elf_needs *ret)
{
	struct file file = {.arena = arena, .fd = fd};
	Elf64_Dyn entries[DYNAMIC_MAX];
	unsigned i, count;

	*ret = (struct elf_needs){0};
	if (!read_headers(&file))
		return -ENOEXEC;
	for (i = 0; i < file.count; i++) {
		const Elf64_Phdr *header = &file.headers[i];

		if (header->p_type == PT_INTERP)
			ret->loader = text_at(&file, header->p_offset);
		if (header->p_type != PT_DYNAMIC)
			continue;
		count = read_dynamic(&file, header, entries);
		read_needs(&file, entries, count, ret);
	}
	return arena_failed(arena) ? -ENOMEM : 0;
}
