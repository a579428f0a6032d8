/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "service/handouts.h"

#define WAITING_PER_USER 128
#define WAITING_MAX 512

/* A descriptor that was sent, until the Ping behind it is answered. */
typedef struct Handout {
        Handouts *handouts;
        sd_bus_slot *ping;
        uid_t uid;
        struct Handout *next;
} Handout;

typedef struct Waiting {
        sd_bus_message *call;
        uid_t uid;
        struct Waiting *next;
} Waiting;

struct Handouts {
        sd_bus *bus;
        bool bounded; /* on a bus with limits */
        handouts_retry_t retry;
        void *userdata;
        uint64_t per_user, total;
        Handout *unread;
        Waiting *waiting; /* the oldest first */
};

int handouts_new(Handouts **ret, sd_bus *bus, handouts_retry_t retry, void *userdata)
{
        Handouts *handouts = calloc(1, sizeof(Handouts));
        const char *scope;

        if (!handouts)
                return -ENOMEM;
        handouts->bus = sd_bus_ref(bus);
        handouts->bounded = sd_bus_get_scope(bus, &scope) >= 0 && streq(scope, "system");
        handouts->retry = retry;
        handouts->userdata = userdata;
        *ret = handouts;
        return 0;
}

static void handout_free(Handout *handout)
{
        sd_bus_slot_unref(handout->ping);
        free(handout);
}

static void waiting_free(Waiting *waiting)
{
        sd_bus_message_unref(waiting->call);
        free(waiting);
}

Handouts *handouts_free(Handouts *handouts)
{
        if (!handouts)
                return NULL;
        while (handouts->unread) {
                Handout *handout = handouts->unread;
                handouts->unread = handout->next;
                handout_free(handout);
        }
        while (handouts->waiting) {
                Waiting *waiting = handouts->waiting;
                handouts->waiting = waiting->next;
                waiting_free(waiting);
        }
        sd_bus_unref(handouts->bus);
        free(handouts);
        return NULL;
}

void handouts_set_limits(Handouts *handouts, uint64_t per_user, uint64_t total)
{
        handouts->per_user = per_user;
        handouts->total = total;
}

bool handouts_have_room(const Handouts *handouts, uid_t uid)
{
        size_t n = 0, n_user = 0;

        for (const Handout *handout = handouts->unread; handout; handout = handout->next) {
                n++;
                n_user += handout->uid == uid;
        }
        return n < handouts->total && n_user < handouts->per_user;
}

/* Lets those go on for whom there is room now. */
static void retry_waiting(Handouts *handouts)
{
        for (Waiting **p = &handouts->waiting; *p;) {
                Waiting *waiting = *p;
                if (!handouts_have_room(handouts, waiting->uid)) {
                        p = &waiting->next;
                        continue;
                }
                *p = waiting->next;
                handouts->retry(waiting->call, handouts->userdata);
                waiting_free(waiting);
                p = &handouts->waiting; /* the list may be another one */
        }
}

/* Whatever the answer is, also that the connection has left: what was sent before it is read. */
static int on_pong(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Handout *handout = userdata;
        Handouts *handouts = handout->handouts;
        (void)error;

        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_ACCESS_DENIED))
                log_debug("The bus policy lets no Ping pass: who does not read cannot be told from others");
        for (Handout **p = &handouts->unread; *p; p = &(*p)->next)
                if (*p == handout) {
                        *p = handout->next;
                        break;
                }
        handout_free(handout);
        retry_waiting(handouts);
        return 0;
}

static int send_ping(Handout *handout, const char *name)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;

        int r = sd_bus_message_new_method_call(
                        handout->handouts->bus, &call, name, "/", "org.freedesktop.DBus.Peer", "Ping");
        if (r < 0)
                return r;
        /* Without end: a connection that does not answer has not read either. */
        return sd_bus_call_async(handout->handouts->bus, &handout->ping, call, on_pong, handout, UINT64_MAX);
}

void handouts_sent(Handouts *handouts, const char *name, uid_t uid)
{
        if (!handouts->bounded)
                return;

        Handout *handout = calloc(1, sizeof(Handout));
        if (!handout)
                return;
        handout->handouts = handouts;
        handout->uid = uid;
        int r = send_ping(handout, name);
        if (r < 0) {
                log_debug("A descriptor goes uncounted: %s", strerror(-r));
                free(handout);
                return;
        }
        handout->next = handouts->unread;
        handouts->unread = handout;
}

int handouts_wait(Handouts *handouts, sd_bus_message *call, uid_t uid)
{
        Waiting **end = &handouts->waiting;
        size_t n = 0, n_user = 0;

        for (; *end; end = &(*end)->next) {
                n++;
                n_user += (*end)->uid == uid;
        }
        if (n >= WAITING_MAX || n_user >= WAITING_PER_USER)
                return -EDQUOT;

        Waiting *waiting = calloc(1, sizeof(Waiting));
        if (!waiting)
                return -ENOMEM;
        waiting->call = sd_bus_message_ref(call);
        waiting->uid = uid;
        *end = waiting;
        return 0;
}

void handouts_forget_connection(Handouts *handouts, const char *name)
{
        for (Waiting **p = &handouts->waiting; *p;) {
                Waiting *waiting = *p;
                if (!streq(sd_bus_message_get_sender(waiting->call), name)) {
                        p = &waiting->next;
                        continue;
                }
                *p = waiting->next;
                waiting_free(waiting);
        }
}
