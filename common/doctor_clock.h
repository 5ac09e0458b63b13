/* SPDX-License-Identifier: MIT */
/* How late is too late, for what `oat doctor` judges by the clock. */
#ifndef OAT_DOCTOR_CLOCK_H
#define OAT_DOCTOR_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "finding.h"

/* Two clocks: off by more is a warning, or a failure. */
#define OAT_DOCTOR_SKEW_WARNING_MS INT64_C(30000)
#define OAT_DOCTOR_SKEW_FAILURE_MS INT64_C(300000)

/* A certificate that ends within this time is a warning. */
#define OAT_DOCTOR_CERTIFICATE_S (INT64_C(14) * 86400)

/* A sync is due every 60 s, give or take 30: two in a row were missed. */
#define OAT_DOCTOR_SYNC_WARNING_S INT64_C(180)
#define OAT_DOCTOR_SYNC_FAILURE_S INT64_C(3600)

/* The server's clock minus this host's. */
enum oat_level oat_doctor_skew_level(int64_t skew_ms);

/* So many seconds until a certificate ends; negative when it has. */
enum oat_level oat_doctor_certificate_level(int64_t left_s);

/* So many seconds since a sync last succeeded. */
enum oat_level oat_doctor_sync_level(int64_t age_s);

/* "3 days", "5 min", "12 s": the largest unit of which there are two. */
#define OAT_DOCTOR_SPAN_MAX 32
char *oat_doctor_span(char dst[OAT_DOCTOR_SPAN_MAX], int64_t seconds);

#endif
