/* SPDX-License-Identifier: MIT */
/* The questions that can be put to a courier, all to be asked alike. */
#ifndef OAT_TESTS_QUESTIONS_H
#define OAT_TESTS_QUESTIONS_H

#include "common/courier.h"

/* What was answered, and whether anything was written. */
struct oat_outcome {
	enum oat_status status;
	bool written;
	char error[OAT_DATABASE_ERROR_MAX];
};

struct oat_courier_question {
	const char *name;
	void (*ask)(struct oat_child *child, struct oat_deadline deadline,
	    struct oat_outcome *outcome);
};

#define OAT_QUESTIONS 7
extern const struct oat_courier_question oat_questions[OAT_QUESTIONS];

extern const struct oat_knowledge oat_something_known;
extern const struct oat_question oat_a_question;

/* The first of the questions. */
void oat_ask_verifier(struct oat_child *child, struct oat_deadline deadline,
    struct oat_outcome *outcome);

#endif
