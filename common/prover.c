/* SPDX-License-Identifier: MIT */
#include "prover.h"

#include "argon2id.h"
#include "sandbox.h"
#include "verifier.h"
#include "wire.h"

#include <string.h>

/* Beyond the largest Argon2 memory: stacks, the heap, the message. */
#define SLACK_BYTES (8UL * 1024 * 1024)
#define MEMORY_BYTES (OAT_ARGON2_M_KIB_MAX * 1024UL + SLACK_BYTES)

/* The child waits for work for as long as its parent lives. */
#define FOREVER_MS UINT32_C(86400000)

enum operation { PREPARE = 1, CHECK = 2 };

/* --- in the child -------------------------------------------------------- */

static enum oat_status
check(struct oat_argon2id *memory, struct oat_wire *in, bool *ret_right)
{
	char text[OAT_VERIFIER_MAX], secret[OAT_TOKEN_LENGTH + 1];
	struct oat_verifier verifier;
	struct oat_token token;
	enum oat_status status;

	memset(&verifier, 0, sizeof(verifier));
	memset(&token, 0, sizeof(token));
	status = oat_wire_get_text(in, text, sizeof(text));
	if (status == OAT_OK)
		status = oat_wire_get_text(in, secret, sizeof(secret));
	if (status == OAT_OK)
		status = oat_wire_end(in);
	if (status == OAT_OK)
		status = oat_token_parse(secret, &token);
	if (status == OAT_OK)
		status = oat_verifier_parse(text, &verifier);
	if (status == OAT_OK && strcmp(verifier.selector, token.selector) != 0)
		status = OAT_INVALID;
	if (status == OAT_OK)
		status =
		    oat_argon2id_check(memory, &verifier, &token, ret_right);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(&verifier, sizeof(verifier));
	oat_token_wipe(&token);
	return status;
}

/* Serve one message. Anything but OAT_OK ends the child. */
static enum oat_status
serve(int fd, struct oat_argon2id **memory)
{
	struct oat_deadline forever = oat_deadline_in_ms(FOREVER_MS);
	struct oat_wire in = { 0 }, out = { 0 };
	enum oat_status status, checked;
	uint32_t operation = 0;
	bool right = false;

	status = oat_wire_receive(&in, fd, forever);
	if (status == OAT_OK)
		status = oat_wire_get_u32(&in, &operation);
	if (status == OAT_OK && operation == PREPARE) {
		if (*memory == NULL)
			(void)oat_argon2id_prepare(OAT_ARGON2_M_KIB, memory);
	} else if (status == OAT_OK) {
		checked = check(*memory, &in, &right);
		oat_wire_put_u32(&out, (uint32_t)checked);
		oat_wire_put_u32(&out, checked == OAT_OK && right);
		status = oat_wire_send(&out, fd, forever);
	}
	oat_wire_free(&in);
	oat_wire_free(&out);
	return status;
}

static void
prover(int fd, void *context)
{
	struct oat_argon2id *memory = NULL;

	(void)context;
	if (oat_sandbox_compute() != OAT_OK)
		return;
	while (serve(fd, &memory) == OAT_OK)
		;
	oat_argon2id_free(memory);
}

/* --- in the parent ------------------------------------------------------- */

enum oat_status
oat_prover_start(const struct oat_account *account, struct oat_child *ret_child)
{
	return oat_child_start(account, MEMORY_BYTES, prover, NULL, ret_child);
}

void
oat_prover_prepare(struct oat_child *child, struct oat_deadline deadline)
{
	struct oat_wire out = { 0 };

	oat_wire_put_u32(&out, PREPARE);
	(void)oat_wire_send(&out, child->fd, deadline);
	oat_wire_free(&out);
}

enum oat_status
oat_prover_check(struct oat_child *child, const char *verifier,
    const struct oat_token *token, struct oat_deadline deadline,
    bool *ret_right)
{
	struct oat_wire out = { 0 }, in = { 0 };
	uint32_t checked = 0, right = 0;
	enum oat_status status;

	oat_wire_put_u32(&out, CHECK);
	oat_wire_put_text(&out, verifier);
	oat_wire_put_text(&out, token->text);
	status = oat_wire_send(&out, child->fd, deadline);
	if (status == OAT_OK)
		status = oat_wire_receive(&in, child->fd, deadline);
	if (status == OAT_OK)
		status = oat_wire_get_u32(&in, &checked);
	if (status == OAT_OK)
		status = oat_wire_get_u32(&in, &right);
	if (status == OAT_OK)
		status = oat_wire_end(&in);
	oat_wire_free(&out);
	oat_wire_free(&in);
	if (status == OAT_TIMEOUT)
		return OAT_TIMEOUT;
	if (status != OAT_OK || right > 1)
		return OAT_UNAVAILABLE;
	if (checked == OAT_INVALID)
		return OAT_INVALID;
	if (checked != OAT_OK)
		return OAT_UNAVAILABLE;
	*ret_right = right == 1;
	return OAT_OK;
}
