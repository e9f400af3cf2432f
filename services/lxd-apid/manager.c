/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the making, the end and the idleness of the whole. */

#include "events.h"
#include "http.h"
#include "manager.h"
#include "operation-watch.h"
#include "server-info.h"
#include "session.h"

int manager_new(sd_event *event, Manager **ret) {
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(event);
        m->session_wait = 5 * USEC_PER_SEC;
        m->connect_wait = 30 * USEC_PER_SEC;
        m->certificate_path = LXD_STATE_DIR "/server.crt";
        for (int i = 0; i < OWNER_MAX; i++) {
                if (!owner_info(i) || i == OPERATION_OWNER_APID)
                        continue;
                r = bus_peer_new(event, owner_info(i)->daemon, &m->peers[i]);
                if (r < 0)
                        return r;
        }
        r = watches_new(m, &m->watches);
        if (r >= 0)
                r = events_new(m, &m->events);
        if (r >= 0)
                r = sessions_new(m, &m->sessions);
        if (r >= 0)
                r = server_info_new(m, &m->server);
        if (r >= 0)
                r = http_new(m, &m->http);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        /* Nobody is asked or listened to any more. Websockets are connections of the HTTP side and go before it, what requests wait for after it. */
        for (int i = 0; i < OWNER_MAX; i++)
                m->peers[i] = bus_peer_free(m->peers[i]);
        m->events = events_free(m->events);
        m->sessions = sessions_free(m->sessions);
        m->http = http_free(m->http);
        m->server = server_info_free(m->server);
        m->watches = watches_free(m->watches);
        sd_event_unref(m->event);
        free(m);
        return NULL;
}

void manager_stopping(void *userdata) {
        Manager *m = userdata;

        http_stop_listening(m->http);
}

bool manager_is_idle(void *userdata) {
        Manager *m = userdata;

        return http_connections(m->http) == 0 && http_rests(m->http) && sessions_count(m->sessions) == 0;
}
