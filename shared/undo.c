/* SPDX-License-Identifier: Apache-2.0 */
/* The stack of reverse steps. */
#include "log.h"
#include "undo.h"

typedef struct UndoStep {
        undo_func_t func;
        void *userdata;
        void (*destroy)(void *);
        struct UndoStep *next;
} UndoStep;

int undo_push(Undo *u, undo_func_t func, void *userdata, void (*destroy)(void *)) {
        UndoStep *s = malloc(sizeof(UndoStep));

        if (!s) {
                (void) func(userdata);
                if (destroy)
                        destroy(userdata);
                return -ENOMEM;
        }
        *s = (UndoStep) { .func = func, .userdata = userdata, .destroy = destroy, .next = u->steps };
        u->steps = s;
        return 0;
}

static void undo_pop_all(Undo *u, bool run) {
        while (u->steps) {
                UndoStep *s = u->steps;

                u->steps = s->next;
                if (run) {
                        int r = s->func(s->userdata);

                        if (r < 0)
                                log_warning_errno(r, "Failed to undo a step: %m");
                }
                if (s->destroy)
                        s->destroy(s->userdata);
                free(s);
        }
}

void undo_run(Undo *u) {
        undo_pop_all(u, true);
}

void undo_commit(Undo *u) {
        undo_pop_all(u, false);
}
