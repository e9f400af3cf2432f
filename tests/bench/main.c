/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-bench ROW: measure one operation of the daemon on this machine once and print the number. */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "row.h"

int main(int argc, char *argv[]) {
        static const Row *const tables[] = { rows_instance, rows_query, rows_command, rows_system };
        /* Opened by the first request: LXD 5.0.2 answers nobody while the connection it accepted last is silent. */
        Http h = { .fd = -1 };

        if (argc != 2)
                errx(2, "usage: lxd-bench ROW");
        for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
                for (const Row *row = tables[i]; row->name; row++)
                        if (strcmp(row->name, argv[1]) == 0) {
                                printf("%.3f\n", row->measure(&h, row->argument));
                                http_close(&h);
                                return 0;
                        }
        errx(2, "there is no row \"%s\"", argv[1]);
}
