/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: structured entries with the objects they speak of. Falls back to stderr outside of a service. */
#pragma once

#include <syslog.h>

#include <systemd/sd-id128.h>

#include "base/macro.h"

/* What an entry is about; each non-NULL member becomes a journal field (LXD_PROJECT=, LXD_INSTANCE=, ...). */
typedef struct LogFields {
        const char *project;
        const char *instance;
        const char *operation;
        const char *requestor;
        const char *network;
        const char *pool;
        const char *volume;
        const char *image;
        const char *message_id; /* one of LXD_MSG_* */
} LogFields;

/* Message ids; texts in units/lxd.catalog. What every event of an object's life has is in life-event.c. */
#define LXD_MSG_INSTANCE_STARTED "6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a02"
#define LXD_MSG_INSTANCE_STOPPED "6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a03"
#define LXD_MSG_INSTANCE_FAILED "6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a05"
#define LXD_MSG_OPERATION_FAILED "6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a06"
#define LXD_MSG_POOL_MOUNTED "6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a09"
#define LXD_MSG_LEFTOVER_REMOVED "6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a0a"
#define LXD_MSG_VOLUME_SHIFTED "6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a0b"
#define LXD_MSG_DATABASE_DAMAGED "6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a0c"

void log_set_max_level(int level); /* LOG_INFO at start, or LXD_LOG_LEVEL= */
int log_get_max_level(void);
void log_set_identifier(const char *identifier);

/* Writes one entry. r is 0 or a negative errno (then %m in the format works and ERRNO= is added). Returns r. */
int log_full(int level, int r, const LogFields *fields, const char *file, int line, const char *func,
             const char *format, ...) printf_like(7, 8);

#define log_at(level, r, fields, ...)                                                                         \
        (((level) <= log_get_max_level()) ? log_full(level, r, fields, __FILE__, __LINE__, __func__, __VA_ARGS__) \
                                          : (r))
#define log_debug(...) log_at(LOG_DEBUG, 0, NULL, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, 0, NULL, __VA_ARGS__)
#define log_notice(...) log_at(LOG_NOTICE, 0, NULL, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, 0, NULL, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERR, 0, NULL, __VA_ARGS__)
#define log_debug_errno(r, ...) log_at(LOG_DEBUG, r, NULL, __VA_ARGS__)
#define log_info_errno(r, ...) log_at(LOG_INFO, r, NULL, __VA_ARGS__)
#define log_warning_errno(r, ...) log_at(LOG_WARNING, r, NULL, __VA_ARGS__)
#define log_error_errno(r, ...) log_at(LOG_ERR, r, NULL, __VA_ARGS__)
#define log_oom() log_error_errno(-ENOMEM, "Out of memory")
