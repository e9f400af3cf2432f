/* SPDX-License-Identifier: Apache-2.0 */
/* A stack of reverse steps: pushed after each change to the host, run backwards unless the whole succeeds. */
#pragma once

#include "base/cleanup.h"

typedef int (*undo_func_t)(void *userdata); /* negative errno is logged and ignored */

typedef struct Undo {
        struct UndoStep *steps; /* newest first */
} Undo;

/* Pushes a step. When memory is short the step runs at once and -ENOMEM is returned. `destroy` (may be NULL) frees userdata in any case. */
int undo_push(Undo *u, undo_func_t func, void *userdata, void (*destroy)(void *));
/* Runs and forgets all steps, newest first. Suited as cleanup attribute. */
void undo_run(Undo *u);
/* Success: forgets the steps without running them. */
void undo_commit(Undo *u);
