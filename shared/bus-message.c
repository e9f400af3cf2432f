/* SPDX-License-Identifier: Apache-2.0 */
/* The containers of docs/bus.md, read and appended. */
#include <fcntl.h>
#include <pwd.h>

#include "bus-error.h"
#include "bus-message.h"

void requestor_done(Requestor *r) {
        free(r->user);
        free(r->protocol);
        free(r->address);
        *r = (Requestor) {};
}

int requestor_copy(const Requestor *from, Requestor *to) {
        _cleanup_(requestor_done) Requestor copy = {};

        if (from && (str_replace(&copy.user, from->user) < 0 || str_replace(&copy.protocol, from->protocol) < 0 ||
                     str_replace(&copy.address, from->address) < 0))
                return -ENOMEM;
        *to = copy;
        copy = (Requestor) {};
        return 0;
}

static int read_config_items(sd_bus_message *m, Config *c) {
        const char *key, *value;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{ss}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0) {
                r = config_set(c, key, value);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int bus_read_config(sd_bus_message *m, Config *ret) {
        _cleanup_(config_done) Config c = {};
        int r;

        r = read_config_items(m, &c);
        if (r < 0)
                return r;
        *ret = c;
        c = (Config) {};
        return 0;
}

static int read_devices_items(sd_bus_message *m, Devices *d) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sa{ss}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sa{ss}")) > 0) {
                _cleanup_(config_done) Config c = {};
                const char *name;

                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = bus_read_config(m, &c);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r >= 0)
                        r = devices_set(d, name, &c);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int bus_read_devices(sd_bus_message *m, Devices *ret) {
        _cleanup_(devices_done) Devices d = {};
        int r;

        r = read_devices_items(m, &d);
        if (r < 0)
                return r;
        *ret = d;
        d = (Devices) {};
        return 0;
}

int bus_read_strv(sd_bus_message *m, Strv *ret) {
        _cleanup_strv_free_ Strv v = NULL;
        int r;

        r = sd_bus_message_read_strv(m, &v);
        if (r < 0)
                return r;
        if (!v) {
                v = calloc(1, sizeof(char *));
                if (!v)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(v);
        return 0;
}

int bus_read_fd(sd_bus_message *m, int *ret_fd) {
        int fd, r;

        r = sd_bus_message_read(m, "h", &fd);
        if (r < 0)
                return r;
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

int bus_read_fds(sd_bus_message *m, int **ret_fds, size_t *ret_n) {
        _cleanup_free_ int *fds = NULL;
        size_t n = 0;
        int fd, r;

        r = sd_bus_message_enter_container(m, 'a', "h");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "h", &fd)) > 0) {
                int *p = reallocarray(fds, n + 1, sizeof(int));

                if (!p) {
                        r = -ENOMEM;
                        break;
                }
                fds = p;
                fds[n] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (fds[n] < 0) {
                        r = -errno;
                        break;
                }
                n++;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0) {
                while (n > 0)
                        (void) close(fds[--n]);
                return r;
        }
        *ret_fds = TAKE_PTR(fds);
        *ret_n = n;
        return 0;
}

/* Who sent m, for callers that are no REST daemon (busctl). Best effort: an unknown user is shown by number. */
static int requestor_from_sender(sd_bus_message *m, Requestor *ret) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        char buffer[1024];
        struct passwd entry, *found = NULL;
        uid_t uid = (uid_t) -1;
        int r;

        if (sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID, &creds) >= 0)
                (void) sd_bus_creds_get_euid(creds, &uid);
        if (uid != (uid_t) -1)
                (void) getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found);
        r = found ? str_replace(&ret->user, found->pw_name) : str_format(&ret->user, "%d", (int) uid);
        if (r < 0)
                return r;
        r = str_replace(&ret->protocol, "dbus");
        return r < 0 ? r : str_replace(&ret->address, strempty(sd_bus_message_get_sender(m)));
}

int bus_read_requestor(sd_bus_message *m, Requestor *ret) {
        _cleanup_(requestor_done) Requestor who = {};
        const char *user, *protocol, *address;
        int r;

        r = sd_bus_message_read(m, "(sss)", &user, &protocol, &address);
        if (r < 0)
                return r;
        if (user[0] == '\0' && protocol[0] == '\0' && address[0] == '\0')
                r = requestor_from_sender(m, &who);
        else
                r = requestor_copy(&(Requestor) { (char *) user, (char *) protocol, (char *) address }, &who);
        if (r < 0)
                return r;
        *ret = who;
        who = (Requestor) {};
        return 0;
}

int bus_read_flags(sd_bus_message *m, uint64_t known, uint64_t *ret, sd_bus_error *error) {
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "t", &flags);
        if (r < 0)
                return r;
        if (flags & ~known)
                return bus_error_set(error, LXD_ERROR_INVALID, "Unknown flags %#" PRIx64, flags & ~known);
        *ret = flags;
        return 0;
}

int bus_append_config(sd_bus_message *m, const Config *c) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{ss}");
        if (r < 0)
                return r;
        if (c)
                CONFIG_FOREACH(i, c) {
                        r = sd_bus_message_append(m, "{ss}", i->key, i->value);
                        if (r < 0)
                                return r;
                }
        return sd_bus_message_close_container(m);
}

int bus_append_devices(sd_bus_message *m, const Devices *d) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sa{ss}}");
        if (r < 0)
                return r;
        if (d)
                DEVICES_FOREACH(i, d) {
                        r = sd_bus_message_open_container(m, 'e', "sa{ss}");
                        if (r >= 0)
                                r = sd_bus_message_append(m, "s", i->name);
                        if (r >= 0)
                                r = bus_append_config(m, &i->config);
                        if (r >= 0)
                                r = sd_bus_message_close_container(m);
                        if (r < 0)
                                return r;
                }
        return sd_bus_message_close_container(m);
}

int bus_append_strv(sd_bus_message *m, char *const *v) {
        return sd_bus_message_append_strv(m, (char **) v);
}

int bus_append_requestor(sd_bus_message *m, const Requestor *r) {
        return sd_bus_message_append(m, "(sss)", r ? strempty(r->user) : "", r ? strempty(r->protocol) : "",
                                     r ? strempty(r->address) : "");
}

int bus_reply_document(sd_bus_message *m, int fd, const char *etag) {
        return etag ? sd_bus_reply_method_return(m, "hs", fd, etag) : sd_bus_reply_method_return(m, "h", fd);
}

static int sender_is_root(sd_bus_message *m) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        uid_t uid;
        int r;

        r = sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, &uid);
        return r < 0 ? r : uid == 0;
}

int bus_require_root(sd_bus_message *m, sd_bus_error *error) {
        if (sender_is_root(m) > 0)
                return 0;
        return bus_error_set(error, LXD_ERROR_FORBIDDEN, "%s is for root only", sd_bus_message_get_member(m));
}

int bus_require_internal(sd_bus_message *m, sd_bus_error *error) {
        /* A message without sender came over a private socket, whose mode says who may connect. */
        if (!sd_bus_message_get_sender(m) || sender_is_root(m) > 0)
                return 0;
        return bus_error_set(error, LXD_ERROR_FORBIDDEN, "%s is for LXD's own daemons only",
                             sd_bus_message_get_member(m));
}
