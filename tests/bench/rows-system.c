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

typedef enum ProcessKind {
        PROCESS_OTHER,
        PROCESS_DAEMON,  /* of either peer */
        PROCESS_RUNNER,  /* what stays beside each running container, */
        PROCESS_MONITOR, /* and liblxc's own part of it: one for each */
} ProcessKind;

static ProcessKind process_kind(const char *pid) {
        char path[64], exe[256], arguments[256];
        const char *name;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%s/exe", pid);
        n = readlink(path, exe, sizeof(exe) - 1);
        if (n < 0)
                return PROCESS_OTHER;
        exe[n] = '\0';
        read_first(pid, "cmdline", arguments, sizeof(arguments));
        name = strrchr(exe, '/') + 1;
        if (strncmp(arguments, "[lxc monitor]", 13) == 0)
                return PROCESS_MONITOR;
        if (strstr(name, "runner"))
                return PROCESS_RUNNER;
        if (strcmp(name, "lxd") == 0 && strstr(arguments, "fork"))
                return PROCESS_OTHER;
        return strcmp(name, "lxd") == 0 || strncmp(exe, "/usr/libexec/lxd/", 17) == 0 ? PROCESS_DAEMON : PROCESS_OTHER;
}

/* Proportional set size of all processes of a kind, in kB, and how many there are. */
static unsigned long processes_pss(ProcessKind kind, unsigned *ret_n) {
        unsigned long sum = 0;
        struct dirent *entry;
        DIR *proc = opendir("/proc");

        if (!proc)
                err(1, "/proc");
        *ret_n = 0;
        while ((entry = readdir(proc)))
                if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && process_kind(entry->d_name) == kind) {
                        sum += pss_kb(entry->d_name);
                        ++*ret_n;
                }
        closedir(proc);
        return sum;
}

static double measure_daemons_memory(Http *h, const char *argument) {
        unsigned n;

        (void) h, (void) argument;
        return processes_pss(PROCESS_DAEMON, &n) * 1024.0;
}

/* Of one container among ten that run: with one alone all text of the libraries would be its. */
static double measure_supervisor_memory(Http *h, const char *alias) {
        enum { MORE = 9 };
        unsigned runners, monitors;
        unsigned long kb;
        char name[16];

        for (int i = 0; i < MORE; i++) {
                snprintf(name, sizeof(name), "m%d", i);
                create_instance(h, name, alias);
                start_instance(h, name);
        }
        sleep(3); /* of guests at rest, not of their start */
        kb = processes_pss(PROCESS_RUNNER, &runners) + processes_pss(PROCESS_MONITOR, &monitors);
        for (int i = 0; i < MORE; i++) {
                snprintf(name, sizeof(name), "m%d", i);
                delete_instance(h, name);
        }
        if (monitors <= MORE)
                errx(1, "of %d containers %u run", MORE + 1, monitors);
        return kb * 1024.0 / monitors;
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
        { "memory-idle", measure_daemons_memory, NULL },
        { "memory-after", measure_daemons_memory, NULL },
        { "memory-supervisor", measure_supervisor_memory, "busybox" },
        { "database", measure_database, NULL },
        {},
};
