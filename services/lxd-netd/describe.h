/* SPDX-License-Identifier: Apache-2.0 */
/* Networks and interfaces as JSON, in LXD's forms. */
#pragma once

#include "json-write.h"
#include "link.h"
#include "network.h"

/* One managed network (used_by NULL = nobody). */
void describe_network(JsonWriter *w, const Network *n, char *const *used_by);
/* One interface of the host that is not a managed network. */
void describe_interface(JsonWriter *w, const Link *link, char *const *used_by);
/* The state of an interface of the host: addresses, counters, bridge details. */
void describe_state(JsonWriter *w, const Link *link, const LinkList *links, const AddressList *addresses);
/* The state of an interface inside of a guest; host_name "" when it has no end on the host. */
void describe_guest_link(JsonWriter *w, const Link *link, const AddressList *addresses, const char *host_name);
/* Is this an interface that belongs in the list of networks? (Ends of veth pairs do not.) */
bool describe_is_listed(const Link *link);
