/* SPDX-License-Identifier: MIT */
/* What a shared object promises its host: read from the file itself. */
#ifndef OAT_TESTS_ELFFILE_H
#define OAT_TESTS_ELFFILE_H

#include <stdbool.h>
#include <stddef.h>

/* An object of this machine's class. Plain data. */
struct oat_elffile {
	char exports[1024]; /* defined dynamic symbols, sorted, " " between */
	char needed[1024];  /* DT_NEEDED, in order, " " between */
	char soname[64];    /* DT_SONAME; "" for none */
	bool runpath;	    /* DT_RPATH or DT_RUNPATH */
	bool is_program;    /* PIE */
	bool bind_now;	    /* no lazy binding */
	bool relro;	    /* PT_GNU_RELRO */
	bool executable_stack;
	bool writable_code;    /* a segment that is both */
	bool text_relocations; /* DT_TEXTREL */
	bool stack_protected;  /* __stack_chk_fail is used */
	bool fortified;	       /* some __..._chk of libc is used */
	bool landing_pads; /* exported functions begin with one; x86-64 alone */
	unsigned mode;	   /* of the file */
};

/* False when it is none. */
bool oat_elffile_read(const char *path, struct oat_elffile *ret_file);

#endif
