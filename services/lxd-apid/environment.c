/* SPDX-License-Identifier: Apache-2.0 */
/* Owns what is said about the host. */

#include <lxc/version.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "environment.h"

/* Kernel features by the release that brought them, as LXD calls them. */
static const struct {
        const char *name;
        unsigned major, minor;
} kernel_features[] = {
        { "idmapped_mounts", 5, 12 }, { "netnsid_getifaddrs", 5, 0 },        { "seccomp_listener", 5, 0 },
        { "seccomp_listener_continue", 5, 5 }, { "uevent_injection", 4, 18 }, { "unpriv_fscaps", 4, 14 },
};

/* All of these came with liblxc 4.0 or before; core_scheduling and idmapped_mounts_v2 are of 5.0. */
static const char *const lxc_features[] = {
        "cgroup2",         "core_scheduling", "devpts_fd",      "idmapped_mounts_v2",        "mount_injection_file",
        "network_gateway_device_route", "network_ipvlan", "network_l2proxy", "network_phys_macvlan_mtu", "network_veth_router",
        "pidfd",           "seccomp_allow_deny_syntax", "seccomp_notify", "seccomp_proxy_send_notify_fd",
};

static const struct {
        const char *machine, *second;
} architectures[] = { { "x86_64", "i686" }, { "aarch64", "armv7l" }, { "ppc64", "ppc" }, { "mips64", "mips" } };

bool kernel_at_least(const char *release, unsigned major, unsigned minor) {
        unsigned a, b;

        if (sscanf(release, "%u.%u", &a, &b) != 2)
                return false;
        return a > major || (a == major && b >= minor);
}

bool os_release_get(const char *text, const char *key, char *buffer, size_t size) {
        size_t n = strlen(key);

        for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
                const char *value;
                size_t length;

                if (strncmp(line, key, n) != 0 || line[n] != '=')
                        continue;
                value = line + n + 1;
                length = strcspn(value, "\n");
                if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
                        value++;
                        length -= 2;
                }
                (void) snprintf(buffer, size, "%.*s", (int) MIN(length, size - 1), value);
                return true;
        }
        return false;
}

static void write_architectures(JsonWriter *w, const char *machine) {
        json_array_begin(w, "architectures");
        json_string(w, NULL, machine);
        for (size_t i = 0; i < ELEMENTSOF(architectures); i++)
                if (streq(architectures[i].machine, machine))
                        json_string(w, NULL, architectures[i].second);
        json_array_end(w);
}

static int fingerprint(const char *pem, char ret[static 2 * EVP_MAX_MD_SIZE + 1]) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        X509 *certificate = NULL;
        unsigned n = 0;
        BIO *bio;
        int r = -EINVAL;

        bio = BIO_new_mem_buf(pem, -1);
        if (bio)
                certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (certificate && X509_digest(certificate, EVP_sha256(), digest, &n) == 1) {
                for (unsigned i = 0; i < n; i++)
                        (void) sprintf(ret + 2 * (size_t) i, "%02x", digest[i]);
                r = 0;
        }
        X509_free(certificate);
        BIO_free(bio);
        return r;
}

static void write_certificate(JsonWriter *w, const char *path) {
        char hash[2 * EVP_MAX_MD_SIZE + 1] = "";
        _cleanup_free_ char *pem = NULL;

        (void) file_read(path, 64 << 10, &pem, NULL);
        if (pem)
                (void) fingerprint(pem, hash);
        json_string(w, "certificate", strempty(pem));
        json_string(w, "certificate_fingerprint", hash);
}

static void write_features(JsonWriter *w, const char *release) {
        json_object_begin(w, "kernel_features");
        for (size_t i = 0; i < ELEMENTSOF(kernel_features); i++)
                json_string(w, kernel_features[i].name,
                            kernel_at_least(release, kernel_features[i].major, kernel_features[i].minor) ? "true" : "false");
        json_string(w, "shiftfs", "false");
        json_object_end(w);
        json_string(w, "kernel_version", release);

        json_object_begin(w, "lxc_features");
        for (size_t i = 0; i < ELEMENTSOF(lxc_features); i++)
                json_string(w, lxc_features[i], LXC_VERSION_MAJOR >= 5 ? "true" : "false");
        json_object_end(w);
}

static void write_distribution(JsonWriter *w) {
        char name[128] = "", version[128] = "";
        _cleanup_free_ char *text = NULL;

        if (file_read("/etc/os-release", 64 << 10, &text, NULL) < 0)
                (void) file_read("/usr/lib/os-release", 64 << 10, &text, NULL);
        (void) os_release_get(strempty(text), "NAME", name, sizeof(name));
        (void) os_release_get(strempty(text), "VERSION_ID", version, sizeof(version));
        json_string(w, "os_name", name);
        json_string(w, "os_version", version);
}

void environment_write_host(JsonWriter *w, const char *certificate_path, const char *project) {
        struct utsname u = {};

        (void) uname(&u);
        json_array_begin(w, "addresses");
        json_array_end(w);
        write_architectures(w, u.machine);
        write_certificate(w, certificate_path);
        json_string(w, "driver", "lxc");
        json_string(w, "driver_version", LXC_VERSION);
        json_string(w, "firewall", "nftables");
        json_string(w, "kernel", u.sysname);
        json_string(w, "kernel_architecture", u.machine);
        write_features(w, u.release);
        write_distribution(w);
        json_string(w, "project", project);
}
