/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the journal of the product's units, as the source of logging events. */
#pragma once

#include "events.h"

typedef struct Journal Journal;

/* From now on; each new entry becomes events_logging(). 0, -errno (no right to read the journal). */
int journal_new(sd_event *event, Events *events, Journal **ret);
Journal *journal_free(Journal *j);
