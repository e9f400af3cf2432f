/* SPDX-License-Identifier: Apache-2.0 */
/* Text becomes calls of a daemon's own vtables: the fuzzers of the bus differ only in the daemon that they open. */
#pragma once

#include "bus-peer.h"
#include "fixture.h"

/* Where the process may do no harm, whatever a call makes the daemon do: nobody's rights, a network of its own, workers that do nothing, and a fresh
 * folder (LXD_DIR, LXD_RUN_DIR, TMPDIR), which is returned. Once per process; aborts on failure. */
const char *bus_calls_confine(void);
/* Empties that folder. */
void bus_calls_clear(void);

/* Makes the calls of the text, one after the other, on f, which serves these interfaces. A call is a line "Interface.Method label...", the
 * labels being the rest of the object's path, and a line for each argument: "]" ends an array, "\n" stands for a line break, one line
 * is the whole requestor, the content of a descriptor is its line. "GetAll" is a method of every interface, and an unknown name becomes some
 * other method. Every call gets an answer, and every error says something and has a name that is in the contract.
 * LXD_FUZZ_ERRORS= shows the errors: a text that is meant to come far should have none. */
void bus_calls_run(Fixture *f, const BusInterface *interfaces, const uint8_t *data, size_t size);

/* The interfaces of the last run; NULL before the first. */
const BusInterface *bus_calls_interfaces(void);

/* The other end of this peer, which does what it is asked; but nothing between the lines "Peers.Refuse" and "Peers.Answer". The caller owns it
 * (sd_bus_close_unref). */
sd_bus *bus_calls_peer(sd_event *event, BusPeer *p);
