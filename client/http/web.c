/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/util.h"
#include "client/http/web-private.h"

#define HEADERS_BYTES_MAX 32768
#define HEADERS_USEC (15 * USEC_PER_SEC) /* for a request's headers, from the first to the last byte */
#define HEADERS_HURRIED_USEC USEC_PER_SEC /* where half of the places are taken */
#define SILENCE_SECONDS 30U
#define REST_USEC (USEC_PER_SEC / 2) /* where descriptors or memory are short */

static void set_timer(sd_event_source *timer, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(timer, usec);
        (void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void run(Web *w)
{
        MHD_UNSIGNED_LONG_LONG msec;

        (void)MHD_run(w->daemon);
        if (MHD_get_timeout(w->daemon, &msec) == MHD_YES)
                set_timer(w->timeout, MIN(msec, 60000ULL) * USEC_PER_MSEC);
        else
                (void)sd_event_source_set_enabled(w->timeout, SD_EVENT_OFF);
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        (void)source, (void)fd, (void)events;
        run(userdata);
        return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        run(userdata);
        return 0;
}

static int on_pump(sd_event_source *source, void *userdata)
{
        (void)source;
        run(userdata);
        return 0;
}

void web_wake(Web *w)
{
        (void)sd_event_source_set_enabled(w->pump, SD_EVENT_ONESHOT);
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata)
{
        Web *w = userdata;

        (void)source, (void)usec;
        return w->n_connections == 0 ? sd_event_exit(w->bridge->event, 0) : 0;
}

/* Full: who comes then waits in the kernel. */
static void listen_if_room(Web *w)
{
        for (size_t i = 0; i < w->n_listeners; i++)
                (void)sd_event_source_set_enabled(w->listeners[i], w->n_connections < CONNECTIONS_MAX ? SD_EVENT_ON : SD_EVENT_OFF);
        if (w->idle_usec > 0 && w->n_connections == 0)
                set_timer(w->idle, w->idle_usec);
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        listen_if_room(userdata);
        return 0;
}

/* Who comes cannot be let in, and goes on knocking. */
static void rest(Web *w)
{
        for (size_t i = 0; i < w->n_listeners; i++)
                (void)sd_event_source_set_enabled(w->listeners[i], SD_EVENT_OFF);
        set_timer(w->rest, REST_USEC);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        const Visit *v = userdata;

        (void)source, (void)usec;
        (void)shutdown(v->fd, SHUT_RDWR); /* libmicrohttpd sees the end of it */
        web_wake(v->web);
        return 0;
}

/* Anybody on this machine can connect, and say nothing: that is not to take all places. */
static uint64_t headers_time(const Web *w)
{
        return w->n_connections > CONNECTIONS_MAX / 2 ? HEADERS_HURRIED_USEC : HEADERS_USEC;
}

void visit_set_deadline(struct MHD_Connection *connection, uint64_t usec)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
        const Visit *v = info ? info->socket_context : NULL;

        if (v && usec > 0)
                set_timer(v->deadline, usec);
        else if (v)
                (void)sd_event_source_set_enabled(v->deadline, SD_EVENT_OFF);
}

static void on_connection(
        void *userdata, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
        Web *w = userdata;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
                Visit *v = calloc(1, sizeof(*v));
                w->n_connections++;
                *context = v;
                if (v && info) {
                        *v = (Visit) { .web = w, .fd = info->connect_fd };
                        (void)sd_event_add_time_relative(w->bridge->event, &v->deadline, CLOCK_MONOTONIC, headers_time(w), 0,
                                                         on_deadline, v);
                }
        } else {
                Visit *v = *context;
                w->n_connections--;
                if (v)
                        (void)sd_event_source_disable_unref(v->deadline);
                free(v);
                *context = NULL;
        }
        listen_if_room(w);
}

static int on_connect(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        Web *w = userdata;

        (void)source, (void)events;
        int connection = accept4(fd, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection < 0) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        rest(w);
                return 0;
        }
        (void)MHD_add_connection(w->daemon, connection, (struct sockaddr *)&address, size); /* closes it if it fails */
        run(w);
        return 0;
}

int web_listen(Web *w, int fd)
{
        if (w->n_listeners == ELEMENTSOF(w->listeners))
                return -E2BIG;
        int r = sd_event_add_io(w->bridge->event, w->listeners + w->n_listeners, fd, EPOLLIN, on_connect, w);
        if (r >= 0)
                w->n_listeners++;
        return r;
}

static int add_sources(Web *w)
{
        const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        sd_event *event = w->bridge->event;

        int r = info ? sd_event_add_io(event, &w->ready, info->epoll_fd, EPOLLIN, on_ready, w) : -EIO;
        if (r >= 0)
                r = sd_event_add_time_relative(event, &w->timeout, CLOCK_MONOTONIC, 0, 0, on_timeout, w);
        if (r >= 0)
                r = sd_event_add_defer(event, &w->pump, on_pump, w);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &w->rest, CLOCK_MONOTONIC, 0, 0, on_rested, w);
        if (r >= 0 && w->idle_usec > 0)
                r = sd_event_add_time_relative(event, &w->idle, CLOCK_MONOTONIC, w->idle_usec, 0, on_idle, w);
        return r;
}

int web_new(Bridge *bridge, uint64_t idle_usec, Web **ret)
{
        Web *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        *w = (Web) { .bridge = bridge, .idle_usec = idle_usec };
        w->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
                                     exchange_handle, w, MHD_OPTION_NOTIFY_COMPLETED, exchange_over, w,
                                     MHD_OPTION_NOTIFY_CONNECTION, on_connection, w, MHD_OPTION_CONNECTION_LIMIT,
                                     (unsigned)(CONNECTIONS_MAX + 8), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                     (size_t)HEADERS_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_SECONDS,
                                     MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
        int r = w->daemon ? add_sources(w) : -EIO;
        if (r < 0) {
                web_free(w);
                return r;
        }
        bridge->web = w;
        *ret = w;
        return 0;
}

Web *web_free(Web *w)
{
        if (!w)
                return NULL;
        for (size_t i = 0; i < w->n_listeners; i++)
                (void)sd_event_source_disable_unref(w->listeners[i]);
        w->n_listeners = 0;
        for (Exchange *x = w->exchanges; x; x = x->next)
                exchange_abandon(x);
        if (w->daemon) {
                (void)MHD_run(w->daemon); /* takes them up again: it ends only without any that wait */
                MHD_stop_daemon(w->daemon);
        }
        (void)sd_event_source_disable_unref(w->ready);
        (void)sd_event_source_disable_unref(w->timeout);
        (void)sd_event_source_disable_unref(w->pump);
        (void)sd_event_source_disable_unref(w->idle);
        (void)sd_event_source_disable_unref(w->rest);
        free(w);
        return NULL;
}
