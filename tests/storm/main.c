/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-storm: clients that ask for random things on few names at once; then everything must be whole and can be removed. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actions.h"

#define CLIENTS_MAX 64

/* What the clients tell the first process, in memory that all share. */
typedef struct Tally {
        unsigned long requests, operations, refused, failed, broken;
} Tally;

static void client_start(Client *c, unsigned number, uint64_t seed) {
        *c = (Client) { .http.fd = -1, .number = number, .random = (seed + 1) * 0x9e3779b97f4a7c15u ^ (number + 1) * 0xbf58476d1ce4e5b9u };
        for (unsigned i = 0; i < 16; i++)
                (void) choose(c, 2);
}

static void client_run(unsigned number, uint64_t seed, unsigned long n, time_t until, Tally *tally) {
        Client c;

        client_start(&c, number, seed);
        for (unsigned long i = 0; i < n && time(NULL) < until; i++) {
                const Action *a = action_choose(&c);
                unsigned long refused = c.refused + c.failed;

                (void) a->run(&c);
                if (getenv("STORM_TRACE"))
                        printf("%u %s: %s\n", number, a->name, c.refused + c.failed > refused ? request_error() : "ok");
        }
        *tally = (Tally) { c.requests, c.operations, c.refused, c.failed, c.broken };
        http_close(&c.http);
}

/* Nothing is going on any more: each of these requests has to succeed. */
static void must(Client *c, const char *method, const char *path, const char *body) {
        if (requestf(c, method, path, body ? "%s" : NULL, body))
                return;
        c->broken++;
        printf("BROKEN afterwards: %s %s: %s\n", method, path, request_error());
}

static void each(Client *c, const char *list, const char *prefix, void (*check)(Client *c, const char *path)) {
        char **names = request_names(c, list), path[512];

        for (char **n = names; *n; n++) {
                (void) snprintf(path, sizeof(path), "%s%s%s", list, list[strlen(list) - 1] == '/' ? "" : "/", *n);
                if (strncmp(*n, prefix, strlen(prefix)) == 0)
                        check(c, path);
                free(*n);
        }
        free(names);
}

/* An instance that is listed can be looked at, snapshots and all, can be started, does what it is told, and can be removed. */
static void check_instance(Client *c, const char *path) {
        char state[600], exec[600], snapshots[600];

        (void) snprintf(state, sizeof(state), "%s/state", path);
        (void) snprintf(exec, sizeof(exec), "%s/exec", path);
        (void) snprintf(snapshots, sizeof(snapshots), "%s/snapshots?recursion=1", path);
        must(c, "GET", path, NULL);
        must(c, "GET", state, NULL);
        must(c, "GET", snapshots, NULL);
        (void) requestf(c, "PUT", state, "{\"action\":\"stop\",\"force\":true,\"timeout\":-1}");
        /* Its own devices may name what somebody has removed meanwhile. */
        must(c, "PUT", path, "{\"config\":{},\"devices\":{},\"profiles\":[\"default\"],\"description\":\"\",\"ephemeral\":false}");
        must(c, "PUT", state, "{\"action\":\"start\",\"timeout\":-1}");
        must(c, "POST", exec, "{\"command\":[\"true\"],\"wait-for-websocket\":false}");
        must(c, "PUT", state, "{\"action\":\"stop\",\"force\":true,\"timeout\":-1}");
        must(c, "DELETE", path, NULL);
}

static void check_other(Client *c, const char *path) {
        must(c, "GET", path, NULL);
        must(c, "DELETE", path, NULL);
}

static void remove_all(Client *c) {
        each(c, "/1.0/instances", "st", check_instance);
        each(c, "/1.0/profiles", "sp", check_other);
        each(c, "/1.0/networks", "sn", check_other);
        each(c, "/1.0/storage-pools/default/volumes/custom", "sv", check_other);
        if (storm_fingerprint)
                each(c, "/1.0/images", storm_fingerprint, check_other);
}

static int run(uint64_t seed, unsigned seconds, unsigned clients, unsigned long n) {
        Tally *tallies = mmap(NULL, sizeof(Tally) * CLIENTS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), sum = {};
        time_t until = time(NULL) + (time_t) seconds;
        Client c;
        int status, bad = 0;

        if (tallies == MAP_FAILED)
                err(2, "mmap");
        for (unsigned i = 0; i < clients; i++)
                switch (fork()) {
                case -1:
                        err(2, "fork");
                case 0:
                        client_run(i, seed, n, until, tallies + i);
                        exit(0);
                default:
                        break;
                }
        while (wait(&status) >= 0 || errno == EINTR)
                bad |= status;
        client_start(&c, clients, seed);
        remove_all(&c);
        for (unsigned i = 0; i < clients; i++) {
                sum.requests += tallies[i].requests;
                sum.operations += tallies[i].operations;
                sum.refused += tallies[i].refused;
                sum.failed += tallies[i].failed;
                sum.broken += tallies[i].broken;
        }
        sum.broken += c.broken;
        printf("seed %llu: %lu requests, %lu operations, %lu refused, %lu failed, %lu broke a rule\n", (unsigned long long) seed, sum.requests,
               sum.operations, sum.refused, sum.failed, sum.broken);
        return sum.broken > 0 || bad ? 1 : 0;
}

int main(int argc, char *argv[]) {
        unsigned clients = argc > 3 ? (unsigned) atoi(argv[3]) : 6;

        if (argc < 3 || clients == 0 || clients > CLIENTS_MAX) {
                fprintf(stderr, "usage: %s SEED SECONDS [CLIENTS [REQUESTS-PER-CLIENT [IMAGE FINGERPRINT]]]\n", argv[0]);
                return 2;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc > 6) {
                storm_image = argv[5];
                storm_fingerprint = argv[6];
        }
        return run(strtoull(argv[1], NULL, 10), (unsigned) atoi(argv[2]), clients, argc > 4 ? strtoul(argv[4], NULL, 10) : (unsigned long) -1);
}
