/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "client/http/guard.h"
#include "client/http/web-private.h"
#include "client/json.h"

#define BODY_USEC (120 * USEC_PER_SEC) /* for a body, once it is known who sends it */
#define ANSWER_USEC (300 * USEC_PER_SEC) /* for whoever reads an answer */
#define RETRY_SECONDS "5"
#define DEPTH_MAX 32
#define IGNORED_BYTES_MAX 4096U

static const char *header(const Reply *r, const char *name)
{
        return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static void resume(Exchange *x)
{
        if (!x->reply->is_suspended)
                return;
        x->reply->is_suspended = false;
        MHD_resume_connection(x->reply->connection);
        web_wake(x->bridge->web);
}

void exchange_answer(Exchange *x, unsigned status, json_t *json)
{
        Reply *r = x->reply;

        if (!r->is_answered) {
                r->is_answered = true;
                r->status = status;
                r->text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9) | JSON_ENCODE_ANY) : NULL;
        }
        json_decref(json);
        resume(x);
}

void exchange_refuse(Exchange *x, unsigned status, const char *code, const char *format, ...)
{
        char text[1024];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        client_clean_text(text);
        exchange_answer(x, status, error_body(x->reply->manner, status, code, text));
}

void exchange_fail(Exchange *x, const Failure *failure)
{
        const char *code;
        unsigned status = status_of(failure, x->reply->manner, &code);

        exchange_refuse(x, status, code, "%s", failure->message);
}

const char *exchange_query(Exchange *x, const char *name)
{
        return MHD_lookup_connection_value(x->reply->connection, MHD_GET_ARGUMENT_KIND, name);
}

static void drop_body(Exchange *x)
{
        x->bridge->web->bodies -= x->reply->room;
        free(x->reply->body);
        x->reply->body = NULL;
        x->reply->size = x->reply->room = 0;
}

json_t *exchange_body(Exchange *x)
{
        json_t *json = json_parse_bounded(x->reply->body ? x->reply->body : "", x->reply->size, DEPTH_MAX);

        drop_body(x);
        if (json_is_object(json))
                return json;
        json_decref(json);
        exchange_refuse(x, x->reply->manner == MANNER_OPENAI ? 400 : 422, NULL, "the body is no JSON object");
        return NULL;
}

/* --- server-sent events --- */

static ssize_t read_events(void *userdata, uint64_t position, char *buffer, size_t size)
{
        Exchange *x = userdata;
        Reply *r = x->reply;

        (void)position;
        if (r->n_events == 0 && r->has_ended)
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (r->n_events == 0) {
                r->is_suspended = true;
                MHD_suspend_connection(r->connection);
                return 0;
        }
        const size_t n = MIN(size, r->n_events);
        memcpy(buffer, r->events, n);
        memmove(r->events, r->events + n, r->n_events - n);
        r->n_events -= n;
        return (ssize_t)n;
}

static void append(Reply *r, const char *text, size_t size)
{
        if (r->n_events + size > r->events_room) {
                const size_t room = MAX(2 * r->events_room, r->n_events + size);
                char *grown = realloc(r->events, room);
                if (!grown) { /* an end before the event that lacks is better than half of one */
                        r->has_ended = true;
                        return;
                }
                r->events = grown;
                r->events_room = room;
        }
        memcpy(r->events + r->n_events, text, size);
        r->n_events += size;
}

void exchange_event(Exchange *x, const char *name, json_t *json)
{
        char *data = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL, *text;

        json_decref(json);
        int n = data ? asprintf(&text, "event: %s\ndata: %s\n\n", name, data) : -1;
        free(data);
        if (n < 0)
                return;
        append(x->reply, text, (size_t)n);
        free(text);
        x->reply->is_streaming = true;
        resume(x);
}

void exchange_end_events(Exchange *x)
{
        x->reply->has_ended = true;
        resume(x);
}

/* --- a request from its first header to its answer --- */

static enum MHD_Result queue(Exchange *x)
{
        Reply *r = x->reply;
        struct MHD_Response *response;

        if (r->is_streaming) {
                response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 65536, read_events, x, NULL);
                r->status = 200;
        } else {
                response = MHD_create_response_from_buffer(r->text ? strlen(r->text) : 0, r->text ? r->text : (char[]) { "" },
                                                           r->text ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_MUST_COPY);
                r->text = response ? NULL : r->text;
                visit_set_deadline(r->connection, ANSWER_USEC);
        }
        if (!response)
                return MHD_NO;
        (void)MHD_add_response_header(response, "Content-Type", r->is_streaming ? "text/event-stream" : "application/json");
        (void)MHD_add_response_header(response, "Cache-Control", "no-store");
        (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        if (r->status == 401)
                (void)MHD_add_response_header(response, "WWW-Authenticate",
                                              x->reply->manner == MANNER_WEBUI ? "Basic realm=\"imagined\"" : "Bearer");
        if (r->status == 429 || r->status == 503)
                (void)MHD_add_response_header(response, "Retry-After", RETRY_SECONDS);
        enum MHD_Result result = MHD_queue_response(r->connection, r->status, response);
        MHD_destroy_response(response);
        return result;
}

/* Whose token it is goes into x->app; false after an answer that says what is wrong. secret: of the URL, "" if it has none. */
static bool check_token(Exchange *x, char secret[SECRET_MAX + 1])
{
        Error error = { 0 };
        int r = 0;

        if (*secret || guard_secret(header(x->reply, "Authorization"), secret))
                r = tokens_check(secret, x->app, &error);
        if (r < 0)
                log_error("Cannot read the tokens: %s", strerror(-r));
        if (r <= 0)
                exchange_refuse(x, r < 0 ? 503 : 401, "invalid_api_key",
                                r < 0 ? "the tokens cannot be read" : "a token is needed: 'imagine http token add NAME' makes one");
        return r > 0;
}

static bool is_json(const char *type)
{
        static const char json[] = "application/json";

        return type && strncasecmp(type, json, strlen(json)) == 0 && strchr("; ", type[strlen(json)]);
}

/* A few bytes come also where none are read. */
static size_t body_max(const Route *route)
{
        return route->body_max > 0 ? route->body_max : IGNORED_BYTES_MAX;
}

static bool check_length(Exchange *x)
{
        const char *length = header(x->reply, "Content-Length");
        const size_t most = body_max(x->route);

        if (length && strtoull(length, NULL, 10) > most) {
                exchange_refuse(x, 413, NULL, "the body is larger than %zu bytes", most);
                return false;
        }
        if (x->route->body_max > 0 && !is_json(header(x->reply, "Content-Type"))) {
                exchange_refuse(x, 415, NULL, "the body has to be application/json");
                return false;
        }
        return true;
}

/* Before anything of a body is read. */
static bool admit(Exchange *x, const char *url, const char *method)
{
        char secret[SECRET_MAX + 1];
        const char *path = guard_path(url, secret);
        unsigned status = 0;

        x->reply->manner = manner_of(path);
        x->route = route_find(method, path, &status);
        if (!guard_host_is_ours(header(x->reply, "Host"), x->bridge->hosts))
                exchange_refuse(x, 403, NULL, "that is not this machine's name; see --allow-host in imagined-http(8)");
        else if (guard_is_of_page(header(x->reply, "Origin"), header(x->reply, "Sec-Fetch-Site")))
                exchange_refuse(x, 403, NULL, "pages in browsers may not ask");
        else if (check_token(x, secret) && !x->route)
                exchange_refuse(x, status, NULL, status == 405 ? "another method is meant" : "Not Found");
        explicit_bzero(secret, sizeof(secret));
        return !x->reply->is_answered && check_length(x);
}

static void take_body(Exchange *x, const char *data, size_t size)
{
        Web *w = x->bridge->web;
        Reply *r = x->reply;

        if (r->is_too_large)
                return;
        if (r->size + size > r->room) {
                const size_t room = MIN(MAX(2 * r->room, r->size + size), body_max(x->route));
                char *grown = room >= r->size + size && w->bodies - r->room + room <= BODIES_BYTES_MAX ? realloc(r->body, room) : NULL;
                if (!grown) {
                        r->is_too_large = true;
                        r->status = room < r->size + size ? 413 : 503;
                        drop_body(x);
                        return;
                }
                w->bodies += room - r->room;
                r->body = grown;
                r->room = room;
        }
        memcpy(r->body + r->size, data, size);
        r->size += size;
}

void exchange_abandon(Exchange *x)
{
        if (x->route && x->route->stop)
                x->route->stop(x);
        x->reply->has_ended = true;
        if (!x->reply->is_streaming)
                exchange_refuse(x, 503, NULL, "the bridge has ended");
        resume(x);
}

static int on_gone(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        (void)fd, (void)events;
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        exchange_abandon(userdata);
        return 0;
}

/* libmicrohttpd does not look at sockets that wait. */
static void watch(Exchange *x)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(x->reply->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

        if (info)
                (void)sd_event_add_io(x->bridge->event, &x->reply->watch, info->connect_fd, EPOLLRDHUP, on_gone, x);
}

static enum MHD_Result ask(Exchange *x)
{
        Reply *r = x->reply;

        r->is_asked = true;
        visit_set_deadline(r->connection, 0);
        if (r->is_too_large)
                exchange_refuse(x, r->status, NULL, r->status == 413 ? "the body is too large" : "too much is being received");
        else if (x->route->text)
                exchange_answer(x, 200, json_loads(x->route->text, 0, NULL));
        else
                x->route->ask(x);
        if (r->is_answered || r->is_streaming)
                return queue(x);
        if (x->route->body_max > 0) /* a list comes soon, also to those who have nothing more to say */
                watch(x);
        r->is_suspended = true;
        MHD_suspend_connection(r->connection);
        return MHD_YES;
}

static Exchange *exchange_new(Web *w, struct MHD_Connection *connection)
{
        Exchange *x = calloc(1, sizeof(*x));
        Reply *r = calloc(1, sizeof(*r));

        if (!x || !r) {
                free(x);
                free(r);
                return NULL;
        }
        *r = (Reply) { .connection = connection };
        *x = (Exchange) { .bridge = w->bridge, .reply = r, .next = w->exchanges };
        w->exchanges = x;
        return x;
}

enum MHD_Result exchange_handle(
        void *web, struct MHD_Connection *connection, const char *url, const char *method, const char *version, const char *data,
        size_t *size, void **context)
{
        Exchange *x = *context;

        (void)version;
        if (!x) {
                *context = x = exchange_new(web, connection);
                if (!x)
                        return MHD_NO;
                if (!admit(x, url, method))
                        return queue(x);
                visit_set_deadline(connection, BODY_USEC);
                return MHD_YES;
        }
        if (*size > 0) {
                take_body(x, data, *size);
                *size = 0;
                return MHD_YES;
        }
        return x->reply->is_asked ? queue(x) : ask(x);
}

void exchange_over(void *web, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code)
{
        Exchange *x = *context, **at = &((Web *)web)->exchanges;

        (void)code;
        if (!x)
                return;
        *context = NULL;
        while (*at != x)
                at = &(*at)->next;
        *at = x->next;
        if (x->route && x->route->stop)
                x->route->stop(x);
        (void)sd_event_source_disable_unref(x->reply->watch);
        drop_body(x);
        free(x->reply->text);
        free(x->reply->events);
        free(x->reply);
        free(x);
        visit_set_deadline(connection, BODY_USEC); /* until the next request of the connection */
}
