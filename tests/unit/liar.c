/* SPDX-License-Identifier: MIT */
#include "tests/unit/liar.h"

#include <string.h>
#include <unistd.h>

#include "common/courier_child.h"
#include "common/wire.h"
#include "tests/process.h"

void
oat_liar_answer(int fd, void *context)
{
	const char *fields = context;
	struct oat_wire in = { 0 }, out = { 0 };
	struct oat_deadline soon = oat_deadline_in_ms(OAT_LONG_MS);
	char text[5001];

	memset(text, 'x', sizeof(text));
	text[5000] = '\0';
	for (; *fields != '\0'; fields++)
		if (*fields == 'L')
			oat_wire_put_u64(&out, 1);
		else if (*fields == 't')
			oat_wire_put_text(&out, "text");
		else if (*fields == 'l')
			oat_wire_put_text(&out, text);
		else if (*fields == 'n')
			oat_wire_put_bytes(&out, "a\0b", 3);
		else if (*fields == 'e')
			oat_wire_put_text(&out, "\x1b[31m\nfake");
		else if (*fields == 'R')
			oat_wire_put_u32(&out, OAT_COURIER_ROW);
		else if (*fields == '-')
			oat_wire_put_text(&out, "");
		else
			oat_wire_put_u32(&out, (uint32_t)(*fields - '0'));
	(void)oat_wire_receive(&in, fd, soon);
	(void)oat_wire_send(&out, fd, soon);
	oat_wire_free(&in);
	oat_wire_free(&out);
	pause();
}
