/* SPDX-License-Identifier: Apache-2.0 */
/* Rows about the daemons as processes: waking up, restarting, memory, disk. */
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api.h"
#include "row.h"

static void shell(const char *command) {
        if (system(command) != 0)
                errx(1, "failed: %s", command);
}

/* Services of either peer, without those that belong to guests or networks; the sockets stay. */
#define STOP_DAEMONS \
        "systemctl stop $(systemctl list-units --plain --no-legend 'lxd.service' 'lxd-*.service' | cut -d' ' -f1 |" \
        " grep -vE '@|^lxd-(containers|instances|networks)[.]') 2>/dev/null"

/* The first request after all daemons are gone: they are started by their sockets. */
static double measure_wake(Http *h, const char *path) {
        double start, end;

        http_close(h);
        shell(STOP_DAEMONS);
        shell("systemctl reset-failed 2>/dev/null || true");
        start = now_ms();
        api_open(h);
        api_run(h, "GET", path, NULL);
        end = now_ms();
        return end - start;
}

static unsigned long pss_kb(const char *pid) {
        unsigned long kb = 0;
        char path[64], line[256];
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%s/smaps_rollup", pid);
        f = fopen(path, "re");
        if (!f)
                return 0;
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, "Pss: %lu", &kb) == 1)
                        break;
        fclose(f);
        return kb;
}

static void read_first(const char *pid, const char *file, char *buffer, size_t size) {
        char path[64];
        FILE *f;

        buffer[0] = '\0';
        snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
        f = fopen(path, "re");
        if (!f)
                return;
        if (!fgets(buffer, size, f))
                buffer[0] = '\0';
        fclose(f);
}

/* 1: a daemon of either peer, 2: what stays beside each running container, 0: neither. */
static int process_kind(const char *pid) {
        char path[64], exe[256], arguments[256];
        const char *name;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%s/exe", pid);
        n = readlink(path, exe, sizeof(exe) - 1);
        if (n < 0)
                return 0;
        exe[n] = '\0';
        read_first(pid, "cmdline", arguments, sizeof(arguments));
        name = strrchr(exe, '/') + 1;
        if (strstr(name, "runner") || strncmp(arguments, "[lxc monitor]", 13) == 0)
                return 2;
        if (strcmp(name, "lxd") == 0 && strstr(arguments, "fork"))
                return 0;
        return strcmp(name, "lxd") == 0 || strncmp(exe, "/usr/libexec/lxd/", 17) == 0;
}

/* Proportional set size of all processes of a kind, in bytes; per process of it when asked so. */
static double measure_memory(Http *h, const char *argument) {
        int kind = strcmp(argument, "supervisor") == 0 ? 2 : 1;
        unsigned long sum = 0, n = 0;
        struct dirent *entry;
        DIR *proc = opendir("/proc");

        (void) h;
        if (!proc)
                err(1, "/proc");
        while ((entry = readdir(proc)))
                if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && process_kind(entry->d_name) == kind) {
                        sum += pss_kb(entry->d_name);
                        n++;
                }
        closedir(proc);
        return kind == 2 && n > 0 ? sum * 1024.0 / n : sum * 1024.0;
}

/* Bytes on disk of the databases. */
static double measure_database(Http *h, const char *argument) {
        unsigned long kb = 0;
        FILE *f = popen("du -sk /var/lib/lxd/database | cut -f1", "re");

        (void) h, (void) argument;
        if (!f || fscanf(f, "%lu", &kb) != 1)
                errx(1, "du of the database failed");
        pclose(f);
        return kb * 1024.0;
}

const Row rows_system[] = {
        { "wake", measure_wake, "/1.0" },
        { "restart", measure_wake, "/1.0/instances?recursion=1" },
        { "memory-idle", measure_memory, "daemons" },
        { "memory-after", measure_memory, "daemons" },
        { "memory-supervisor", measure_memory, "supervisor" },
        { "database", measure_database, NULL },
        {},
};
