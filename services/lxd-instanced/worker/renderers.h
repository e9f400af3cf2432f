/* SPDX-License-Identifier: Apache-2.0 */
/* Where the processes that render come from. A process of its own forks them, made before anything of an instance was read, and reads nothing
 * itself: so a renderer finds nothing of another instance in its memory, though the worker serves one after the other. */
#pragma once

/* Forks that process; it ends when the other end, *ret_control, is closed, and with its parent. 0, -errno. */
int renderers_start(int *ret_control);
/* Has a renderer made, and gives the socket on which it gets two messages, the request and "metadata" text. Then it asks (see
 * renderer_apply()) and ends with "ok" or "error" text; without asking when it could not give up all privilege. 0, -errno. */
int renderer_start(int control, int *ret_sock);
/* Kills the renderer that was started last, if it still runs, and collects it. */
void renderer_end(int control);
