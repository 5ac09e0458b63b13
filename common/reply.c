/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(type, member)                                     \
	{                                                      \
		OAT_FIELD_TEXT, offsetof(struct type, member), \
		    sizeof(((struct type *)NULL)->member)      \
	}
#define NUMBER(type, member)                                     \
	{                                                        \
		OAT_FIELD_NUMBER, offsetof(struct type, member), \
		    sizeof(int64_t)                              \
	}
#define FLAG(type, member)                                                  \
	{                                                                   \
		OAT_FIELD_FLAG, offsetof(struct type, member), sizeof(bool) \
	}

const struct oat_field oat_decision_fields[OAT_DECISION_FIELDS] = {
	FLAG(oat_decision, allowed),
	TEXT(oat_decision, reason),
	TEXT(oat_decision, message),
	TEXT(oat_decision, organization),
	TEXT(oat_decision, token_name),
	TEXT(oat_decision, event),
};

const struct oat_field oat_row_fields[OAT_ROW_FIELDS] = {
	TEXT(oat_row, kind),
	TEXT(oat_row, name),
	NUMBER(oat_row, id),
	TEXT(oat_row, organization),
	TEXT(oat_row, token_name),
	TEXT(oat_row, shell),
	FLAG(oat_row, active),
	NUMBER(oat_row, expires_at),
	TEXT(oat_row, groups),
};

const struct oat_field oat_explained_fields[OAT_EXPLAINED_FIELDS] = {
	TEXT(oat_explained, check),
	TEXT(oat_explained, passed),
	TEXT(oat_explained, detail),
	TEXT(oat_explained, fix),
};

const struct oat_field oat_probe_fields[OAT_PROBE_FIELDS] = {
	TEXT(oat_probe, refused),
	TEXT(oat_probe, certificate),
	NUMBER(oat_probe, certificate_end),
	NUMBER(oat_probe, skew_ms),
	FLAG(oat_probe, standby),
	FLAG(oat_probe, read_only),
	TEXT(oat_probe, server_version),
	FLAG(oat_probe, has_schema),
	FLAG(oat_probe, may_use_schema),
	FLAG(oat_probe, has_health),
	TEXT(oat_probe, host),
	TEXT(oat_probe, suspended_at),
	NUMBER(oat_probe, schema_version),
	NUMBER(oat_probe, generation),
	NUMBER(oat_probe, clock_us),
	TEXT(oat_probe, uid_range),
	TEXT(oat_probe, excess),
	TEXT(oat_probe, excess_fix),
};

static enum oat_status
set_number(const char *text, char *ret_at)
{
	int64_t number = 0;
	char *end = NULL;

	if (text[0] != '\0') {
		errno = 0;
		number = strtoll(text, &end, 10);
		if (errno != 0 || end == text || *end != '\0')
			return OAT_INVALID;
	}
	memcpy(ret_at, &number, sizeof(number));
	return OAT_OK;
}

enum oat_status
oat_reply_set(const struct oat_field *field, const char *text, void *reply)
{
	char *at = (char *)reply + field->offset;
	size_t length = strlen(text);

	switch (field->type) {
	case OAT_FIELD_TEXT:
		if (length >= field->size)
			return OAT_RANGE;
		memcpy(at, text, length + 1);
		return OAT_OK;
	case OAT_FIELD_NUMBER:
		return set_number(text, at);
	case OAT_FIELD_FLAG:
		*(bool *)at = strcmp(text, "t") == 0;
		return OAT_OK;
	}
	return OAT_INVALID;
}

static void
put(struct oat_wire *wire, const struct oat_field *field, const char *at)
{
	int64_t number;

	switch (field->type) {
	case OAT_FIELD_TEXT:
		oat_wire_put_text(wire, at);
		break;
	case OAT_FIELD_NUMBER:
		memcpy(&number, at, sizeof(number));
		oat_wire_put_u64(wire, (uint64_t)number);
		break;
	case OAT_FIELD_FLAG:
		oat_wire_put_u32(wire, *(const bool *)at);
		break;
	}
}

void
oat_reply_put(struct oat_wire *wire, const struct oat_field *fields,
    size_t count, const void *reply)
{
	size_t i;

	for (i = 0; i < count; i++)
		put(wire, &fields[i], (const char *)reply + fields[i].offset);
}

static enum oat_status
get(struct oat_wire *wire, const struct oat_field *field, char *ret_at)
{
	enum oat_status status = OAT_INVALID;
	uint64_t number = 0;
	uint32_t flag = 0;

	switch (field->type) {
	case OAT_FIELD_TEXT:
		return oat_wire_get_text(wire, ret_at, field->size);
	case OAT_FIELD_NUMBER:
		status = oat_wire_get_u64(wire, &number);
		memcpy(ret_at, &number, sizeof(number));
		break;
	case OAT_FIELD_FLAG:
		status = oat_wire_get_u32(wire, &flag);
		if (flag > 1)
			return OAT_INVALID;
		*(bool *)ret_at = flag == 1;
		break;
	}
	return status;
}

enum oat_status
oat_reply_next(struct oat_wire *wire, const struct oat_field *fields,
    size_t count, void *ret_reply)
{
	char *base = ret_reply;
	size_t i;

	for (i = 0; i < count; i++)
		if (get(wire, &fields[i], base + fields[i].offset) != OAT_OK)
			return OAT_INVALID;
	return OAT_OK;
}

enum oat_status
oat_reply_get(struct oat_wire *wire, const struct oat_field *fields,
    size_t count, void *ret_reply)
{
	if (oat_reply_next(wire, fields, count, ret_reply) != OAT_OK)
		return OAT_INVALID;
	return oat_wire_end(wire);
}
