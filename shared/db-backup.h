/* SPDX-License-Identifier: Apache-2.0 */
/* Backups of a database while it is in use: <directory>/backups/<file>.1 (the newest) to .3, each complete and checked. */
#pragma once

#include <systemd/sd-event.h>

#include "db.h"

#define DB_BACKUPS 3

/* A backup if the database has changed since the last one and that is an hour old (LXD_BACKUP_SEC=). A damaged database is said to be so
 * and pushes no backup out. 1 made, 0 not due or in memory, -EUCLEAN, -errno (logged; earlier backups are as they were). */
int db_backup_if_due(Db *db);
/* Looks once an hour, for processes that are never idle. The source is the caller's. 0, -errno. */
int db_backup_hourly(sd_event *event, Db *db, sd_event_source **ret);
