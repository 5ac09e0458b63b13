/* SPDX-License-Identifier: MIT */
/* A host whose database has been silent, or was not. */
#ifndef OAT_TESTS_OUTAGE_H
#define OAT_TESTS_OUTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/outage.h"
#include "common/stamp.h"

#define OUTAGE_TIMEOUT_MS 1000

/* So long ago that the next one may ask. */
#define OUTAGE_AGO_NS (OAT_OUTAGE_BACKOFF_MS * OAT_NS_PER_MS + OAT_NS_PER_MS)

/* Why everything here was silent. */
extern const char outage_cause[];

/* The path of a file of the run folder. */
void outage_path_of(const char *name, char ret_path[256]);

/* Nothing has happened yet. */
void outage_start_afresh(void);

/* The record of a silence: with this text; one given up so long ago. */
void outage_write_record(const char *text);
void outage_record_silence(uint64_t ago_ns);

/* May somebody ask, who has so much time? */
enum oat_status
outage_await(uint32_t ms, struct oat_asking *asking, char *ret_why);
bool outage_is_free(void);

/* Somebody has asked; all at once, with the time of a login. */
void outage_learn(struct oat_asking *asking, enum oat_status status);
void outage_ask_once(enum oat_status status);

#endif
