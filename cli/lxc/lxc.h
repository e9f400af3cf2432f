/* SPDX-License-Identifier: Apache-2.0 */
/* What the sub-commands of lxc share: names with remotes, key=value arguments, and their tables. */
#pragma once

#include "client.h"
#include "command.h"
#include "fail.h"
#include "json-value.h"
#include "operation-wait.h"
#include "output.h"

/* Takes "[<remote>:]name" apart. Only the local server can be reached so far: "local:" (or the default remote) is
 * cut off, other remotes are refused. Returns 0 and the name (may be "") to be freed; -EINVAL with fail() set. */
int remote_split(const char *argument, char **ret_name);

/* Checks the remote that a list is wanted of, "local:" or NULL. Returns as above. */
int remote_check(const char *argument);

/* The same for images, where the remote may also be an image server: *ret_server and *ret_protocol are its address
 * and "simplestreams" or "lxd", NULL for the local server. They live as long as the program. */
int remote_split_image(const char *argument, char **ret_name, const char **ret_server, const char **ret_protocol);

/* The remotes known by name, as a table for "lxc remote list". */
typedef struct Remote {
        const char *name, *address, *protocol;
        bool is_public, is_static;
} Remote;
const Remote *remote_list(size_t *ret_n);

/* Takes "name/snapshot" apart at the first slash; *ret_snapshot is NULL if there is none. */
void snapshot_split(const char *argument, char **ret_name, char **ret_snapshot);

/* The path of an instance or of its snapshot ("c1/snap0"). */
char *instance_path(const char *name);

/* Parses "key=value" into an object of strings; a lone "-" as value reads it from stdin. Later ones win.
 * Returns 0 or -EINVAL with fail() set. */
int keyvalues_parse(char *const *arguments, struct json_object *into);

/* The arguments of "set": "key=value ..." or, as in old days, "key value". */
int keyvalues_parse_set(char *const *arguments, struct json_object *into);

/* Applies "-d device,key=value" options to a map of devices; values may have commas. A device that is not there is copied
 * from the 'inherited' ones, which may be NULL; one that is nowhere begins with its type. Returns 0, or -EINVAL, -ENOENT with fail() set. */
int device_options_parse(char *const *options, struct json_object *inherited, struct json_object *devices);

/* "yes" or "no" as LXD's lists print them. */
const char *yes_no(bool b);
const char *yes_no_upper(bool b);

/* The text in capital letters, as they print states; to be freed. */
char *upper(const char *s);

/* A date of the API in a list: "2026/11/21 21:51 UTC", local time; " " for none. */
char *format_date(const char *rfc3339);

/* A date in words: "Nov 21, 2026 at 9:44pm (UTC)", local time. */
char *format_long_date(int64_t seconds);

/* Seconds of a time of the API; 0 if there is none. */
int64_t date_seconds(const char *rfc3339);

/* Gives a table these titles; NULL ends them. */
void table_titles(Table *t, const char *const *titles);

/* Reads all of stdin (at most 16 MiB). Returns 0 and the text, or a negative errno with fail() set. */
int read_stdin(char **ret, size_t *ret_size);

/* The tables of the sub-commands, each in the file of its name. */
extern const Command command_alias, command_config, command_console, command_copy, command_delete, command_exec, command_file,
        command_image, command_info, command_init, command_launch, command_list, command_monitor, command_move,
        command_network, command_operation, command_pause, command_profile, command_project, command_query,
        command_remote, command_rename, command_restart, command_restore, command_snapshot, command_start,
        command_stop, command_storage, command_version, command_warning;
