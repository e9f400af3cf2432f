/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the report socket, known to both ends: packets "key=value". Private to worker*.c. */
#pragma once

#define WORKER_REPORT_MAX (64 * 1024)
#define WORKER_JOB_MAX (64 * 1024) /* arguments, each with its NUL; more, and more of them, go to a process of its own */
#define WORKER_ARGUMENTS_MAX 512
#define WORKER_FDS_MAX 8
#define WORKER_JOBS_MAX 64 /* of one process: what the allocator has gathered in it goes with it */
#define WORKER_KEY_ERRNO "!errno" /* positive */
#define WORKER_KEY_NAME "!name"   /* bus error; missing: from the errno */
#define WORKER_KEY_TEXT "!text"
#define WORKER_KEY_DONE "!done"   /* well, nothing of the job is held any more, and the process waits for the next */
