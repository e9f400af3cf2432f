/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the language of the corpora of the bus: lines that become typed messages. */
#include "bus-calls.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "lines.h"
#include "log.h"

#define CALLS_MAX 16
#define ELEMENTS_MAX 64
#define ANSWER_USEC (20 * USEC_PER_SEC)
#define STEPS_MAX 20000
#define NOBODY 65534

static char directory[32];
static const BusInterface *last_interfaces;
static bool peers_refuse;

static void need(bool good, const char *what) {
        if (good)
                return;
        fprintf(stderr, "%s\n", what);
        abort();
}

static void remove_directory(void) {
        (void) remove_tree_at(AT_FDCWD, directory);
}

static void set_capabilities(uint32_t permitted, uint32_t effective) {
        struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
        struct __user_cap_data_struct data[2] = { { .effective = effective, .permitted = permitted } };

        need(syscall(SYS_capset, &header, data) >= 0, "Still mighty");
}

static bool can_open(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        return fd >= 0;
}

static bool write_map(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd >= 0 && fd_write_all(fd, text, strlen(text)) >= 0;
}

/* Root of a namespace of one's own, who is the root that some methods are for, and outside of it nobody: or, for root, with the other ids being ones
 * that no machine uses. */
static bool unshare_as_user(void) {
        char uid[32], gid[32];

        (void) snprintf(uid, sizeof(uid), "0 %u 1\n", (unsigned) geteuid());
        (void) snprintf(gid, sizeof(gid), "0 %u 1\n", (unsigned) getegid());
        return unshare(CLONE_NEWUSER | CLONE_NEWNET) >= 0 && write_map("/proc/self/setgroups", "deny") && write_map("/proc/self/uid_map", uid) &&
               write_map("/proc/self/gid_map", gid);
}

/* Only a process outside may give more than one's own id. */
static _Noreturn void give_ids(int fd, pid_t to) {
        static const char *const files[] = { "uid_map", "gid_map" };
        char map[64], path[64], byte;
        bool good = read(fd, &byte, 1) == 1;

        for (size_t i = 0; good && i < ELEMENTSOF(files); i++) {
                (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) to, files[i]);
                (void) snprintf(map, sizeof(map), "0 %u 1\n1 2000000001 1999999999\n", NOBODY);
                good = write_map(path, map);
                map[strcspn(map, "\n") + 1] = '\0'; /* where there are not as many ids */
                good = good || write_map(path, map);
        }
        _exit(good ? 0 : 1);
}

static bool unshare_as_root(void) {
        pid_t child, self = getpid();
        int pair[2], status = -1;
        bool good;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return false;
        child = fork();
        if (child == 0) {
                (void) close(pair[0]);
                give_ids(pair[1], self);
        }
        (void) close(pair[1]);
        good = child > 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) >= 0;
        need(!good || write(pair[0], "y", 1) == 1, "No child");
        (void) close(pair[0]);
        need(child < 0 || waitpid(child, &status, 0) == child, "No child");
        if (!good)
                return false;
        need(status == 0 && setgroups(0, NULL) >= 0 && setresgid(0, 0, 0) >= 0 && setresuid(0, 0, 0) >= 0, "Nowhere");
        return true;
}

/* Root becomes nobody, who may read the corpus wherever it lies, and change the interfaces of his own network. */
static void become_nobody(void) {
        const uint32_t bits = 1U << CAP_DAC_READ_SEARCH | 1U << CAP_NET_ADMIN;

        need(unshare(CLONE_NEWNET) >= 0 && prctl(PR_SET_KEEPCAPS, 1) >= 0, "Still the host's");
        need(setgroups(0, NULL) >= 0 && setresgid(NOBODY, NOBODY, NOBODY) >= 0 && setresuid(NOBODY, NOBODY, NOBODY) >= 0, "Still root");
        set_capabilities(bits, bits);
}

static void drop_root(void) {
        char program[PATH_MAX] = "";
        bool everybody_reads;

        need(chown(directory, NOBODY, NOBODY) >= 0 && readlink("/proc/self/exe", program, sizeof(program) - 1) > 0 && seteuid(NOBODY) >= 0, "No self");
        everybody_reads = can_open(program); /* lies where the corpus does */
        need(seteuid(0) >= 0, "No way back");
        if (!everybody_reads || !unshare_as_root())
                become_nobody();
        (void) prctl(PR_SET_DUMPABLE, 1); /* for the leak check */
}

/* The workers of the daemons, who do nothing, and that well. */
static void make_workers(void) {
        static const char *const names[] = { "lxd-file-worker", "lxd-firewall-worker", "lxd-image-worker", "lxd-storage-worker", "lxd-template-worker" };
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/workers", directory);
        need(mkdir(path, 0755) >= 0, "No folder for workers");
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void) snprintf(path, sizeof(path), "%s/workers/%s", directory, names[i]);
                need(symlink("/bin/true", path) >= 0, "No worker");
        }
        (void) snprintf(path, sizeof(path), "%s/workers", directory);
        need(setenv("LXD_WORKER_DIR", path, 1) >= 0, "No environment");
}

const char *bus_calls_confine(void) {
        bool confined = getenv("LXD_FUZZ_CONFINED"); /* by the process that runs this one */
        sigset_t mask;
        struct stat st;

        if (directory[0])
                return directory;
        (void) snprintf(directory, sizeof(directory), "%s/lxd-fuzz-XXXXXX", stat("/dev/shm", &st) >= 0 ? "/dev/shm" : "/tmp");
        need(mkdtemp(directory), "No folder");
        if (confined)
                ;
        else if (geteuid() == 0)
                drop_root();
        else /* where the kernel does not allow it, the caller's missing rights protect */
                (void) unshare_as_user();
        need(setenv("LXD_DIR", directory, 1) >= 0 && setenv("LXD_RUN_DIR", directory, 1) >= 0 && setenv("TMPDIR", directory, 1) >= 0, "No environment");
        make_workers();
        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD); /* as daemon_new() has it */
        need(setenv("LXD_FUZZ_CONFINED", "1", 1) >= 0 && sigprocmask(SIG_BLOCK, &mask, NULL) >= 0, "No signals");
        log_set_max_level(LOG_EMERG);
        (void) atexit(remove_directory);
        return directory;
}

void bus_calls_clear(void) {
        remove_directory();
        need(mkdir(directory, 0700) >= 0, "The folder cannot be emptied");
        make_workers();
}

/* ---- lines ---- */

typedef struct Lines {
        char *rest; /* NULL: no more */
} Lines;

static bool lines_end_array(Lines *l) {
        if (!l->rest)
                return true;
        if (l->rest[0] != ']' || (l->rest[1] != '\n' && l->rest[1] != '\0'))
                return false;
        (void) strsep(&l->rest, "\n");
        return true;
}

/* The next line with its line breaks; "" after the last. */
static char *lines_next(Lines *l) {
        static char empty[1];

        return l->rest ? line_unescape(strsep(&l->rest, "\n")) : empty;
}

/* ---- arguments ---- */

/* Of the first complete type. */
static size_t type_length(const char *types) {
        unsigned depth = 0;
        size_t n = 0;

        while (types[n] == 'a')
                n++;
        do {
                depth += types[n] == '(' || types[n] == '{';
                depth -= types[n] == ')' || types[n] == '}';
                n++;
        } while (depth > 0);
        return n;
}

static int append_string(sd_bus_message *m, char type, const char *text) {
        int r = sd_bus_message_append_basic(m, type, text);

        return r >= 0 ? r : sd_bus_message_append_basic(m, type, type == 'o' ? "/" : "?"); /* not UTF-8, no path */
}

static int append_descriptor(sd_bus_message *m, const char *text) {
        _cleanup_close_ int fd = memfd_create("content", MFD_CLOEXEC);

        need(fd >= 0 && fd_write_all(fd, text, strlen(text)) >= 0 && lseek(fd, 0, SEEK_SET) == 0, "No memory file");
        return sd_bus_message_append_basic(m, 'h', &fd);
}

static int append_basic(sd_bus_message *m, char type, const char *text) {
        uint64_t number = strtoull(text, NULL, 0);
        double fraction = (double) number;

        switch (type) {
        case 's':
        case 'o':
        case 'g':
                return append_string(m, type, text);
        case 'h':
                return append_descriptor(m, text);
        case 'd':
                return sd_bus_message_append_basic(m, type, &fraction);
        case 'b':
                return sd_bus_message_append_basic(m, type, &(int) { number & 1 });
        default: /* little end first */
                return sd_bus_message_append_basic(m, type, &number);
        }
}

static int append_types(sd_bus_message *m, const char *types, size_t n, Lines *l);

static int append_array(sd_bus_message *m, const char *contents, size_t n, Lines *l) {
        _cleanup_free_ char *type = strndup(contents, n);
        int r = type ? sd_bus_message_open_container(m, 'a', type) : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < ELEMENTS_MAX && !lines_end_array(l); i++)
                r = append_types(m, contents, n, l);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_struct(sd_bus_message *m, const char *type, size_t n, Lines *l) {
        _cleanup_free_ char *contents = strndup(type + 1, n - 2);
        int r;

        if (!contents)
                return -ENOMEM;
        if (streq(contents, "sss")) {
                const char *text = lines_next(l);

                return sd_bus_message_append(m, "(sss)", text_is_valid(text, true) ? text : "?", "unix", "@");
        }
        r = sd_bus_message_open_container(m, type[0] == '{' ? 'e' : 'r', contents);
        if (r >= 0)
                r = append_types(m, contents, n - 2, l);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_types(sd_bus_message *m, const char *types, size_t n, Lines *l) {
        int r = 0;

        for (const char *end = types + n, *next; r >= 0 && types < end; types = next) {
                next = types + type_length(types);
                r = *types == 'a'                       ? append_array(m, types + 1, (size_t) (next - types) - 1, l)
                    : *types == '(' || *types == '{'    ? append_struct(m, types, (size_t) (next - types), l)
                                                        : append_basic(m, *types, lines_next(l));
        }
        return r;
}

/* ---- methods ---- */

static const sd_bus_vtable operations_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("List", "t", "", NULL, 0),
        SD_BUS_METHOD("Subscribe", "t", "", NULL, 0),
        SD_BUS_VTABLE_END,
};
static const BusInterface operations = { "/", LXD_BUS_PREFIX ".Operations1", operations_vtable, NULL, NULL };

typedef struct Method {
        const BusInterface *interface;
        const char *member, *types;
        unsigned long hash;
} Method;

static unsigned long hash_of(const char *text) {
        unsigned long h = 5381;

        for (; *text; text++)
                h = h * 33 ^ (unsigned char) *text;
        return h;
}

/* Takes the method if the name is its, or, for names that nobody has, if its hash is the nearest. */
static void consider(Method *best, const char *name, const BusInterface *i, const char *member, const char *types) {
        const char *dot = strrchr(i->interface, '.');
        char full[128];
        Method m = { i, member, types, 0 };

        (void) snprintf(full, sizeof(full), "%s.%s", dot + 1, member);
        m.hash = hash_of(full) ^ hash_of(name);
        if (!best->member || m.hash < best->hash)
                *best = m;
}

static void consider_interface(Method *best, const char *name, const BusInterface *i) {
        consider(best, name, i, "GetAll", "");
        for (const sd_bus_vtable *v = i->vtable; v->type != _SD_BUS_VTABLE_END; v++)
                if (v->type == _SD_BUS_VTABLE_METHOD)
                        consider(best, name, i, v->x.method.member, v->x.method.signature);
}

static Method find_method(const BusInterface *interfaces, const char *name) {
        Method best = {};

        consider_interface(&best, name, &operations);
        for (const BusInterface *i = interfaces; i->path; i++)
                consider_interface(&best, name, i);
        return best;
}

/* The prefix and a label for each word. */
static char *object_path(const BusInterface *i, char *words) {
        _cleanup_free_ char *path = strdup(i->path);
        char *word;

        while (i->find && path && (word = strsep(&words, " "))) {
                char *longer = NULL;

                if (bus_path_encode(&longer, path, word, NULL) < 0)
                        return NULL;
                free(path);
                path = longer;
        }
        return TAKE_PTR(path);
}

static int read_call(Fixture *f, const BusInterface *interfaces, Lines *l, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char *words = lines_next(l), *name = strsep(&words, " ");
        _cleanup_free_ char *path = NULL;
        Method method;
        bool properties;
        int r;

        if (streq(name, "Peers.Refuse") || streq(name, "Peers.Answer")) {
                peers_refuse = streq(name, "Peers.Refuse");
                return -EAGAIN;
        }
        method = find_method(interfaces, name);
        path = object_path(method.interface, words);
        properties = streq(method.member, "GetAll");
        if (!path)
                return -ENOMEM;
        r = fixture_message(f, &m, path, properties ? "org.freedesktop.DBus.Properties" : method.interface->interface, method.member);
        if (r >= 0)
                r = properties ? sd_bus_message_append(m, "s", method.interface->interface)
                               : append_types(m, method.types, strlen(method.types), l);
        if (r >= 0)
                *ret = TAKE_PTR(m);
        return r;
}

/* ---- answers ---- */

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *unused) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        bool *answered = userdata;

        *answered = true;
        if (!e)
                return 0;
        if (getenv("LXD_FUZZ_ERRORS"))
                fprintf(stderr, "%s: %s\n", e->name, strempty(e->message));
        /* What sd-bus says itself when there is no such object; everything else comes from us and is one of ours. */
        if (!startswith(e->name, "org.lxd.Error.") && !startswith(e->name, "org.freedesktop.DBus.Error.Unknown")) {
                fprintf(stderr, "%s is not in the contract: %s\n", e->name, strempty(e->message));
                abort();
        }
        need(!isempty(e->message), "An error says nothing");
        return 0;
}

static void make_call(Fixture *f, sd_bus_message *m) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        bool answered = false;

        need(sd_bus_call_async(f->client, &slot, m, on_answer, &answered, UINT64_MAX) >= 0, "The call cannot be sent");
        while (!answered)
                if (sd_event_run(f->event, ANSWER_USEC) == 0) {
                        fprintf(stderr, "%s.%s gets no answer\n", sd_bus_message_get_interface(m), sd_bus_message_get_member(m));
                        abort();
                }
        for (unsigned i = 0; i < STEPS_MAX && sd_event_run(f->event, 0) > 0; i++)
                ;
}

void bus_calls_run(Fixture *f, const BusInterface *interfaces, const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size);
        Lines lines = { text };

        need(text, "No memory");
        last_interfaces = interfaces;
        peers_refuse = false;
        while (sd_bus_is_ready(f->client) == 0) /* descriptors can be sent */
                need(sd_event_run(f->event, ANSWER_USEC) > 0, "No connection");
        for (unsigned i = 0; i < CALLS_MAX && lines.rest; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

                if (read_call(f, interfaces, &lines, &m) < 0)
                        continue;
                if (getenv("LXD_FUZZ_ERRORS"))
                        fprintf(stderr, "%s.%s\n", sd_bus_message_get_interface(m), sd_bus_message_get_member(m));
                make_call(f, m);
        }
}

const BusInterface *bus_calls_interfaces(void) {
        return last_interfaces;
}

/* ---- the others ---- */

/* What the others say as long as nothing is amiss: nobody uses anything, everything is done. */
static int append_answer(sd_bus_message *m, const char *member) {
        _cleanup_close_ int fd = -EBADF;

        if (streq(member, "GetUsedBy"))
                return sd_bus_message_append(m, "a{sas}", 0);
        if (streq(member, "GetGuest"))
                return sd_bus_message_append(m, "sssa{ss}a{sa{ss}}", "default", "c1", "Running", 0, 0);
        if (!streq(member, "OpenImage"))
                return streq(member, "RenameVolume") || streq(member, "DeleteImage") ? 0 : -EOPNOTSUPP;
        fd = memfd_create("image", MFD_CLOEXEC);
        return sd_bus_message_append(m, "hhs", fd, fd, "unified");
}

static int answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        need(sd_bus_message_new_method_return(m, &reply) >= 0, "No memory");
        if (peers_refuse || append_answer(reply, sd_bus_message_get_member(m)) < 0)
                return sd_bus_reply_method_errorf(m, LXD_ERROR_FAILED, "no luck");
        return sd_bus_send(NULL, reply, NULL);
}

sd_bus *bus_calls_peer(sd_event *event, BusPeer *p) {
        sd_bus *bus = NULL;
        int pair[2];

        need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) >= 0 && sd_bus_new(&bus) >= 0 &&
                     sd_bus_set_fd(bus, pair[0], pair[0]) >= 0 && sd_bus_set_server(bus, 1, SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10)) >= 0 &&
                     sd_bus_negotiate_fds(bus, true) >= 0 && sd_bus_start(bus) >= 0 && sd_bus_add_filter(bus, NULL, answer, NULL) >= 0 &&
                     sd_bus_attach_event(bus, event, 0) >= 0 && bus_peer_attach(p, pair[1]) >= 0,
             "No peer");
        return bus;
}
