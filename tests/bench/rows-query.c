/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that read, and those that need many instances: lists, requests per second, events, profiles. */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"
#include "row.h"

static double measure_get(Http *h, const char *path) {
        double start = now_ms();

        api_run(h, "GET", path, NULL);
        return now_ms() - start;
}

static void count_requests(const char *path, double milliseconds, int fd) {
        double end = now_ms() + milliseconds;
        unsigned long n = 0;
        Http h;

        api_open(&h);
        for (; now_ms() < end; n++)
                api_run(&h, "GET", path, NULL);
        if (write(fd, &n, sizeof(n)) != sizeof(n))
                err(1, "pipe");
        _exit(0);
}

/* argument: number of connections, space, path. Each connection has a process of its own. */
static double measure_rate(Http *h, const char *argument) {
        const char *path = strchr(argument, ' ') + 1;
        int n = atoi(argument), pipes[2];
        unsigned long sum = 0, count;
        const double milliseconds = 500;

        (void) h;
        if (pipe(pipes) < 0)
                err(1, "pipe");
        for (int i = 0; i < n; i++) {
                pid_t pid = fork();
                if (pid < 0)
                        err(1, "fork");
                if (pid == 0)
                        count_requests(path, milliseconds, pipes[1]);
        }
        close(pipes[1]);
        while (read(pipes[0], &count, sizeof(count)) == sizeof(count))
                sum += count;
        close(pipes[0]);
        while (wait(NULL) > 0)
                ;
        return sum / (milliseconds / 1e3);
}

/* Until each of so many listeners has the event of one change. */
static double measure_events(Http *h, const char *argument) {
        int n = atoi(argument), missing = n;
        const char *name = fresh_name();
        Http *listeners = calloc(n, sizeof(Http));
        struct pollfd *polls = calloc(n, sizeof(struct pollfd));
        double start, end;
        char path[64];

        if (!listeners || !polls)
                err(1, NULL);
        create_instance(h, name, "busybox");
        for (int i = 0; i < n; i++) {
                api_open(&listeners[i]);
                if (http_upgrade(&listeners[i], "/1.0/events?type=lifecycle") < 0)
                        errx(1, "the event socket was refused");
                polls[i] = (struct pollfd) { .fd = listeners[i].fd, .events = POLLIN };
        }
        snprintf(path, sizeof(path), "/1.0/instances/%s", name);
        start = now_ms();
        api_run(h, "PATCH", path, "{\"config\":{\"user.bench\":\"1\"}}");
        while (missing > 0) {
                if (poll(polls, n, 10000) <= 0)
                        errx(1, "%d of %d listeners got no event within 10 s", missing, n);
                for (int i = 0; i < n; i++) {
                        char buffer[4096];

                        if (!(polls[i].revents & POLLIN))
                                continue;
                        if (recv(polls[i].fd, buffer, sizeof(buffer), 0) <= 0)
                                errx(1, "an event socket was closed");
                        polls[i].fd = -1;
                        missing--;
                }
        }
        end = now_ms();
        for (int i = 0; i < n; i++)
                http_close(&listeners[i]);
        free(listeners);
        free(polls);
        delete_instance(h, name);
        return end - start;
}

static double measure_profile_set(Http *h, const char *profile) {
        char path[64];
        double start = now_ms();

        snprintf(path, sizeof(path), "/1.0/profiles/%s", profile);
        api_run(h, "PATCH", path, "{\"config\":{\"user.bench\":\"%.0f\"}}", start);
        return now_ms() - start;
}

/* Instances m0000... on the profile "many", up to so many; those there are stay. Not a measure of LXD: 0. */
static double populate(Http *h, const char *argument) {
        int n = atoi(argument);
        char path[64];

        if (!api_exists(h, "/1.0/profiles/many"))
                api_run(h, "POST", "/1.0/profiles", "{\"name\":\"many\",\"config\":{}}");
        for (int i = 0; i < n; i++) {
                snprintf(path, sizeof(path), "/1.0/instances/m%04d", i);
                if (api_exists(h, path))
                        continue;
                api_run(h, "POST", "/1.0/instances",
                        "{\"name\":\"m%04d\",\"profiles\":[\"default\",\"many\"],\"config\":{\"user.index\":\"%d\"},"
                        "\"source\":{\"type\":\"image\",\"alias\":\"busybox\"}}",
                        i, i);
        }
        return 0;
}

static double start_some(Http *h, const char *argument) {
        for (int i = 0; i < atoi(argument); i++) {
                char name[32], path[64], *answer;

                snprintf(name, sizeof(name), "m%04d", i);
                snprintf(path, sizeof(path), "/1.0/instances/%s/state", name);
                answer = api_do(h, "GET", path, NULL);
                if (strstr(answer, "\"Stopped\""))
                        start_instance(h, name);
                free(answer);
        }
        return 0;
}

const Row rows_query[] = {
        { "list-stopped", measure_get, "/1.0/instances?recursion=2" },
        { "list-running", measure_get, "/1.0/instances?recursion=2" },
        { "list-filter", measure_get, "/1.0/instances?recursion=1&filter=name%20eq%20m0007" },
        { "rate-server-1", measure_rate, "1 /1.0" },
        { "rate-server-4", measure_rate, "4 /1.0" },
        { "rate-instance-1", measure_rate, "1 /1.0/instances/bench" },
        { "rate-instance-4", measure_rate, "4 /1.0/instances/bench" },
        { "events-1", measure_events, "1" },
        { "events-100", measure_events, "100" },
        { "events-500", measure_events, "500" },
        { "profile-set", measure_profile_set, "many" },
        { "populate-10", populate, "10" },
        { "populate-100", populate, "100" },
        { "populate-1000", populate, "1000" },
        { "start-50", start_some, "50" },
        {},
};
