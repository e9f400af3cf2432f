/* SPDX-License-Identifier: Apache-2.0 */
/* Attaches to consoles, for the sub-commands that can. */
#pragma once

#include "client.h"

/* Attaches to the instance's console until the user detaches or it ends. 'type' is "console" or "vga". Returns 0, or a
 * negative errno with fail() set. */
int console_attach(Client *client, const char *instance, const char *type);
