/* SPDX-License-Identifier: MIT */
/*
 * Rules kept here:
 *  - parameters outside the bounds of verifier.h never reach libargon2, which
 *    itself accepts a gigabyte and 200,000 passes;
 *  - one thread, whatever p says: lanes are computed one after another;
 *  - memory that held a computation is wiped before it is given back;
 *  - hashes are compared in constant time.
 */
#include "argon2id.h"

#include <argon2.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define BYTES_PER_KIB 1024

struct oat_argon2id {
	uint8_t *bytes; /* a mapping of its own */
	size_t size;
};

/*
 * What allocate() gives out. libargon2 hands its callbacks no context, so the
 * caller's memory reaches them beside it, one thread at a time.
 */
static _Thread_local struct oat_argon2id *current;

enum oat_status
oat_argon2id_prepare(uint32_t m_kib, struct oat_argon2id **ret_memory)
{
	struct oat_argon2id *memory;

	if (m_kib == 0 || m_kib > OAT_ARGON2_M_KIB_MAX)
		return OAT_INVALID;
	memory = malloc(sizeof(*memory));
	if (memory == NULL)
		return OAT_NOMEM;
	memory->size = (size_t)m_kib * BYTES_PER_KIB;
	memory->bytes = mmap(NULL, memory->size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory->bytes == MAP_FAILED) {
		free(memory);
		return OAT_NOMEM;
	}
	*ret_memory = memory;
	return OAT_OK;
}

void
oat_argon2id_free(struct oat_argon2id *memory)
{
	if (memory == NULL)
		return;
	explicit_bzero(memory->bytes, memory->size);
	(void)munmap(memory->bytes, memory->size);
	free(memory);
}

static int
allocate(uint8_t **memory, size_t size)
{
	if (current == NULL || size > current->size)
		return ARGON2_MEMORY_ALLOCATION_ERROR;
	*memory = current->bytes;
	return ARGON2_OK;
}

/* The memory stays its owner's, who wipes it when freeing it. */
static void
deallocate(uint8_t *memory, size_t size)
{
	(void)memory;
	(void)size;
}

/*
 * libargon2 takes its inputs as pointers to what it may change, and changes
 * them only when flags ask it to clear them, which none does here.
 */
static uint8_t *
unchanged(const void *bytes)
{
	return (uint8_t *)(uintptr_t)bytes;
}

/* The hash of a token by a verifier's parameters, in this memory. */
static enum oat_status
compute(struct oat_argon2id *memory, const struct oat_verifier *verifier,
    const struct oat_token *token, uint8_t *ret_hash)
{
	argon2_context context = {
		.out = ret_hash,
		.outlen = (uint32_t)verifier->hash_size,
		.pwd = unchanged(token->text),
		.pwdlen = OAT_TOKEN_LENGTH,
		.salt = unchanged(verifier->salt),
		.saltlen = (uint32_t)verifier->salt_size,
		.t_cost = verifier->t,
		.m_cost = verifier->m_kib,
		.lanes = verifier->p,
		.threads = 1,
		.version = ARGON2_VERSION_13,
		.allocate_cbk = allocate,
		.free_cbk = deallocate,
		.flags = ARGON2_DEFAULT_FLAGS,
	};
	int result;

	current = memory;
	result = argon2_ctx(&context, Argon2_id);
	current = NULL;
	if (result == ARGON2_OK)
		return OAT_OK;
	return result == ARGON2_MEMORY_ALLOCATION_ERROR ? OAT_NOMEM
							: OAT_INVALID;
}

/* The same in memory of its own, if the caller's is missing or too small. */
static enum oat_status
compute_somewhere(struct oat_argon2id *memory,
    const struct oat_verifier *verifier, const struct oat_token *token,
    uint8_t *ret_hash)
{
	struct oat_argon2id *own = NULL;
	enum oat_status status;

	if (!oat_verifier_is_bounded(verifier))
		return OAT_INVALID;
	if (memory == NULL ||
	    memory->size < (size_t)verifier->m_kib * BYTES_PER_KIB) {
		status = oat_argon2id_prepare(verifier->m_kib, &own);
		if (status != OAT_OK)
			return status;
		memory = own;
	}
	status = compute(memory, verifier, token, ret_hash);
	oat_argon2id_free(own);
	return status;
}

/* Every byte is looked at, whatever the first ones say. */
static bool
is_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
	volatile uint8_t difference = 0;
	size_t i;

	for (i = 0; i < size; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

/* A fresh salt: so few bytes come at once or, before the pool is ready, not. */
static enum oat_status
make_salt(uint8_t *ret_salt)
{
	ssize_t n;

	do {
		n = getrandom(ret_salt, OAT_ARGON2_SALT, 0);
	} while (n == -1 && errno == EINTR);
	return n == OAT_ARGON2_SALT ? OAT_OK : OAT_SYSTEM;
}

enum oat_status
oat_argon2id_verifier(
    const struct oat_token *token, struct oat_verifier *ret_verifier)
{
	struct oat_verifier verifier = {
		.m_kib = OAT_ARGON2_M_KIB,
		.t = OAT_ARGON2_T,
		.p = OAT_ARGON2_P,
		.salt_size = OAT_ARGON2_SALT,
		.hash_size = OAT_ARGON2_HASH,
	};
	enum oat_status status;

	memcpy(verifier.selector, token->selector, sizeof(verifier.selector));
	status = make_salt(verifier.salt);
	if (status == OAT_OK)
		status =
		    compute_somewhere(NULL, &verifier, token, verifier.hash);
	if (status == OAT_OK)
		*ret_verifier = verifier;
	explicit_bzero(&verifier, sizeof(verifier));
	return status;
}

enum oat_status
oat_argon2id_check(struct oat_argon2id *memory,
    const struct oat_verifier *verifier, const struct oat_token *token,
    bool *ret_right)
{
	uint8_t hash[OAT_ARGON2_HASH_MAX];
	enum oat_status status;

	status = compute_somewhere(memory, verifier, token, hash);
	if (status == OAT_OK)
		*ret_right =
		    is_equal(hash, verifier->hash, verifier->hash_size) &&
		    strcmp(verifier->selector, token->selector) == 0;
	explicit_bzero(hash, sizeof(hash));
	return status;
}
