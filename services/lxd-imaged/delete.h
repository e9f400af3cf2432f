/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting an image: marked, then its volumes, its files, its row. */
#pragma once

#include "manager.h"

/* Starts it; who may be NULL. With operation == false nobody asked (the rest of an interrupted deletion), and *ret is not touched. 0, -errno with error set. */
int delete_start(Manager *m, const ImageRecord *i, bool operation, const Requestor *who, Operation **ret, sd_bus_error *error);
void delete_stop_all(Manager *m);
