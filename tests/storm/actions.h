/* SPDX-License-Identifier: Apache-2.0 */
/* What the clients of the storm ask for: everything that changes something, on few names, so that requests meet. */
#pragma once

#include "request.h"

typedef struct Action {
        const char *name;
        unsigned weight;
        bool (*run)(Client *c);
} Action;

/* Ends with an empty one. */
extern const Action actions[];

/* An image file to import and delete again and again, with the alias "storm"; NULL: the action does nothing. */
extern const char *storm_image, *storm_fingerprint;

/* An action by its weight. */
const Action *action_choose(Client *c);
