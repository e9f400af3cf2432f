/* SPDX-License-Identifier: Apache-2.0 */
/* lxd init */

#include <stdio.h>

#include "base/file.h"
#include "init-plan.h"

#define PRESEED_MAX (16U * 1024U * 1024U)

static bool arg_auto = false, arg_dump = false, arg_minimal = false, arg_preseed = false;
static char *arg_network_address = NULL, *arg_storage_backend = NULL, *arg_storage_device = NULL,
            *arg_storage_pool = NULL, *arg_trust_password = NULL;
static int64_t arg_network_port = -1, arg_storage_loop = -1;

static int run_preseed(Client *client) {
        _cleanup_json_ struct json_object *preseed = NULL;
        _cleanup_buffer_ Buffer text = {};
        ssize_t n;
        int r;

        do {
                n = read(STDIN_FILENO, buffer_reserve(&text, 65536), 65536);
                if (n < 0 && errno != EINTR)
                        return fail(-errno, "Cannot read standard input: %m");
                text.size += (size_t) MAX(n, (ssize_t) 0);
                if (text.size > PRESEED_MAX)
                        return fail(-EFBIG, "Standard input has more than %u bytes", PRESEED_MAX);
        } while (n != 0);

        r = preseed_parse(strempty(text.data), text.size, &preseed);
        return r < 0 ? r : preseed_apply(client, preseed);
}

/* Kernels and machines differ in what they let btrfs do: where it cannot be set up nobody asked for it in particular,
 * and a directory always works. */
static int apply_with_fallback(Client *client, struct json_object *preseed, bool chosen) {
        struct json_object *pool = jat(jget(preseed, "storage_pools"), 0);
        _cleanup_free_ char *error = NULL;
        int r;

        r = preseed_apply(client, preseed);
        if (r >= 0 || chosen || !streq(jstr(pool, "driver"), "btrfs") || !fail_text() || !strstr(fail_text(), "storage pool"))
                return r;

        error = xstrdup(fail_text());
        fprintf(stderr, "%s\nUsing a directory for storage instead.\n", error);
        fail_clear();
        jset_str(pool, "driver", "dir");
        json_object_object_del(pool, "config");
        return preseed_apply(client, preseed);
}

static int run_auto(Client *client, const InitOptions *options) {
        _cleanup_json_ struct json_object *preseed = NULL;
        _cleanup_(init_state_done) InitState state = {};
        int r;

        r = init_state_load(client, &state);
        if (r < 0)
                return r;
        if (options->storage_backend && !list_contains(state.drivers, options->storage_backend)) {
                (void) fail(-EINVAL, "The requested backend '%s' isn't available on your system (missing tools)",
                            options->storage_backend);
                fail_hint("\"lxc info\" lists those that are, under storage_supported_drivers");
                return -EINVAL;
        }
        /* What is there stays as it is: who asks for a certain storage is to know that it is not made. */
        if (state.pools && (options->storage_backend || options->storage_device || options->storage_pool ||
                            options->storage_loop >= 0))
                return fail(-EEXIST, "Storage has already been configured");
        preseed = init_plan_auto(&state, options);
        return apply_with_fallback(client, preseed, options->storage_backend || options->storage_device ||
                                                    options->storage_loop >= 0);
}

static int run_interactive(Client *client) {
        _cleanup_json_ struct json_object *preseed = NULL;
        _cleanup_(init_state_done) InitState state = {};
        int r;

        r = init_state_load(client, &state);
        if (r >= 0)
                r = init_plan_interactive(&state, &preseed);
        return r < 0 ? r : preseed_apply(client, preseed);
}

static int check_modes(void) {
        if (arg_dump && (arg_auto || arg_minimal || arg_preseed))
                return fail(-EINVAL, "Can't use --dump with other flags");
        if (arg_auto && arg_preseed)
                return fail(-EINVAL, "Can't use --auto and --preseed together");
        if (arg_minimal && (arg_auto || arg_preseed))
                return fail(-EINVAL, "Can't use --minimal and %s together", arg_auto ? "--auto" : "--preseed");
        return 0;
}

static int run(Context *c) {
        const InitOptions options = {
                .network_address = arg_network_address,
                .network_port = arg_network_port,
                .storage_backend = arg_storage_backend,
                .storage_device = arg_storage_device,
                .storage_pool = arg_storage_pool,
                .storage_loop = arg_storage_loop,
                .trust_password = arg_trust_password,
        };
        int r;

        r = check_modes();
        if (r >= 0)
                r = init_check_options(&options, arg_auto);
        if (r < 0)
                return r;

        if (arg_dump)
                return preseed_dump(c->client);
        if (arg_preseed)
                return run_preseed(c->client);
        if (arg_auto || arg_minimal)
                return run_auto(c->client, &options);
        return run_interactive(c->client);
}

static const Option options_init[] = {
        { 0, "auto", OPTION_BOOL, &arg_auto, "Automatic (non-interactive) mode" },
        { 0, "dump", OPTION_BOOL, &arg_dump, "Dump YAML config to stdout" },
        { 0, "minimal", OPTION_BOOL, &arg_minimal, "Minimal configuration (non-interactive)" },
        { 0, "network-address", OPTION_STRING, &arg_network_address, "Address to bind LXD to (default: none)" },
        { 0, "network-port", OPTION_INT, &arg_network_port, "Port to bind LXD to (default: 8443)", NULL, "-1" },
        { 0, "preseed", OPTION_BOOL, &arg_preseed, "Pre-seed mode, expects YAML config from stdin" },
        { 0, "storage-backend", OPTION_STRING, &arg_storage_backend, "Storage backend to use (btrfs or dir, default: btrfs where it works)" },
        { 0, "storage-create-device", OPTION_STRING, &arg_storage_device, "Setup device based storage using DEVICE" },
        { 0, "storage-create-loop", OPTION_INT, &arg_storage_loop, "Setup loop based storage with SIZE in GB", NULL, "-1" },
        { 0, "storage-pool", OPTION_STRING, &arg_storage_pool, "Storage pool to use or create" },
        { 0, "trust-password", OPTION_STRING, &arg_trust_password, "Password required to add new clients" },
        {},
};

const Command command_init = {
        .name = "init",
        .summary = "Configure the LXD daemon",
        .description = "Makes a storage pool and a network bridge, and has the default profile use them. Without an option\n"
                       "it asks; --auto and --minimal do not, and leave what is there as it is. A preseed is a YAML\n"
                       "document with config, storage_pools, networks, projects and profiles: what there is not yet is\n"
                       "created, the rest changed; if a step fails, the earlier ones are undone.",
        .examples = "  lxd init --auto\n"
                    "  lxd init --auto --storage-backend=btrfs --storage-create-loop=20 --network-address=all\n"
                    "  lxd init --preseed < preseed.yaml\n"
                    "  lxd init --dump > preseed.yaml",
        .options = options_init,
        .run = run,
};
