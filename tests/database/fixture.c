/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define BASE64 \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

/* Base64 without padding, spare bits zero; `size` of at most 64 bytes. */
static void
random_base64(char *dst, size_t size)
{
	uint8_t bytes[66] = { 0 };
	size_t i;
	uint32_t word;

	(void)!getrandom(bytes, size, 0);
	for (i = 0; i < (size * 8 + 5) / 6; i++) {
		word = (uint32_t)bytes[i * 6 / 8] << 8 | bytes[i * 6 / 8 + 1];
		dst[i] = BASE64[word >> (10 - i * 6 % 8) & 63];
	}
	dst[i] = '\0';
}

char *
fixture_verifier(void)
{
	static unsigned count;
	char salt[32], hash[64];

	random_base64(salt, 16);
	random_base64(hash, 32);
	return db_text(
	    "sel%09u$argon2id$v=19$m=7168,t=5,p=1$%s$%s", ++count, salt, hash);
}

char *
fixture_selector(const char *verifier)
{
	return db_text("%.12s", verifier);
}

void
fixture_organization(PGconn *conn, const char *name)
{
	db_run(conn,
	    "insert into oat.organizations (name, plan) "
	    "values ('%s', 'unlimited')",
	    name);
}

char *
fixture_token(PGconn *conn, const char *organization, const char *name)
{
	char *verifier = fixture_verifier();

	db_run(conn,
	    "insert into oat.tokens (organization, name, verifier) "
	    "values ('%s', '%s', '%s')",
	    organization, name, verifier);
	return fixture_selector(verifier);
}

void
fixture_grant(PGconn *conn, const char *organization, const char *token,
    const char *host, const char *service)
{
	db_run(conn,
	    "insert into oat.grants (organization, token, host, service) "
	    "values ('%s', '%s', '%s', '%s')",
	    organization, token, host, service);
}

PGconn *
fixture_host(PGconn *conn, const char *name, const char *labels)
{
	db_run(conn, "select oat.enroll_host('%s', '%s')", name, labels);
	return db_connect(db_text("oat_%s", name));
}

PGconn *
fixture_admin(void)
{
	PGconn *conn = db_connect("postgres");

	db_run(conn, "create role alice login createrole");
	db_run(conn, "grant oat_admin to alice");
	db_run(conn, "grant oat_host to alice with admin option");
	return db_connect("alice");
}

PGconn *
fixture_role(PGconn *conn, const char *name, const char *member_of)
{
	db_run(conn, "create role %s login", name);
	if (member_of != NULL)
		db_run(conn, "grant %s to %s", member_of, name);
	return db_connect(name);
}

PGconn *
fixture_acme(PGconn *conn, char **ret_selector)
{
	char *selector;

	fixture_organization(conn, "acme");
	selector = fixture_token(conn, "acme", "ci");
	fixture_grant(conn, "acme", "ci", "web-1", "sshd");
	fixture_grant(conn, "acme", "ci", "web-1", "sudo");
	if (ret_selector != NULL)
		*ret_selector = selector;
	return fixture_host(conn, "web-1", "{}");
}

char *
fixture_seal(PGconn *conn)
{
	return db_value(
	    conn, "select coalesce(sum(events), 0) from oat.seal_activity()");
}

static const char *
either(const char *given, const char *otherwise)
{
	return given != NULL ? given : otherwise;
}

static char *
quoted(PGconn *conn, const char *text)
{
	char *literal, *kept;

	if (text == NULL)
		return db_text("null");
	literal = PQescapeLiteral(conn, text, strlen(text));
	kept = db_text("%s", either(literal, "null"));
	PQfreemem(literal);
	return kept;
}

char *
oat_fixture_decide(struct oat_here here, PGconn *conn,
    const struct fixture_attempt *attempt, const char *column)
{
	const char *selector = attempt->selector;
	const char *id = either(attempt->event_id,
	    oat_db_value(here, conn, "select gen_random_uuid()"));

	return oat_db_value(here, conn,
	    "select case when '%s' = 'message' then message "
	    "when allowed then coalesce(reason, 'allowed') else reason end "
	    "from oat.host_decide('%s', %s, %s, %s, %s, %s, %s, %s, %s)",
	    column, id,
	    quoted(conn, either(attempt->event, selector ? "login" : "access")),
	    quoted(conn, either(attempt->login, "oat-acme-ci")),
	    quoted(conn, either(attempt->service, "sshd")),
	    quoted(conn, either(attempt->rhost, "10.1.2.3")),
	    quoted(conn, either(attempt->tty, "-")),
	    quoted(conn, either(attempt->ruser, "-")), quoted(conn, selector),
	    quoted(conn, either(attempt->proof, selector ? "right" : "none")));
}
