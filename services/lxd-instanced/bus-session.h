/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of .Instance that hand out descriptors: exec, console, logs. userdata: Instance. Errors as docs/bus.md has them. */
#pragma once

#include <systemd/sd-bus.h>

int method_exec(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_console(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_open_console_log(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_clear_console_log(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_list_logs(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_open_log(sd_bus_message *m, void *userdata, sd_bus_error *error);
int method_delete_log(sd_bus_message *m, void *userdata, sd_bus_error *error);
