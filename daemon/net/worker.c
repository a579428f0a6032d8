/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/memfd.h"
#include "base/utf8.h"
#include "base/util.h"
#include "net/conversation.h"
#include "net/program.h"
#include "net/resolver.h"
#include "net/sandbox.h"
#include "net/worker.h"

static int map_part(Conversation *c, uint32_t part, int fd, Error *error)
{
        Bytes *bytes = &c->parts[part];
        size_t size;

        int r = memfd_check_sealed(fd, NET_PICTURE_MAX, &size);
        if (r < 0)
                return error_set(error, r, "A part cannot be read");
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return error_set(error, -errno, "A part cannot be read");
        bytes_clear(bytes);
        bytes->max = size;
        r = bytes_add(bytes, data, size);
        (void)munmap(data, size);
        const bool is_text = part != NET_PART_PICTURE && part != NET_PART_MASK;
        if (r >= 0 && is_text && (memchr(bytes->data, '\0', size) || !utf8_is_valid(bytes->data, size)))
                return error_set(error, -EINVAL, "A text is no UTF-8");
        return r < 0 ? error_set(error, r, "Out of memory") : 0;
}

/* Until the service has said all. 1, or 0: it has gone without asking. */
static int collect(Conversation *c, Error *error)
{
        for (;;) {
                _cleanup_(closep) int fd = -1;
                NetMessage m;

                int r = net_receive(c->socket, &m, &fd);
                if (r <= 0)
                        return r < 0 ? error_set(error, r, "The service broke the protocol") : 0;
                if (m.type == NET_PART) {
                        r = map_part(c, m.part, fd, error);
                        if (r < 0)
                                return r;
                } else if (m.type == NET_ASK) {
                        c->ask = m.ask;
                        return 1;
                } else {
                        return m.type == NET_CANCEL ? 0 : error_set(error, -EBADMSG, "The service broke the protocol");
                }
        }
}

/* The doors are shut before the first byte goes out. */
static int prepare(Conversation *c, Error *error)
{
        const bool has_key = c->ask.key[0] != '\0';
        int resolver = -1, r = 0;
        char host[256];
        uint16_t port;
        bool tls;

        if (http_split_url(c->ask.url, host, &port, &tls) < 0)
                return error_set(error, -EINVAL, "%s is no address of a server", c->ask.url);
        if (c->dialect->has_links) /* before there is a key: it has its own memory */
                r = resolver_start(&resolver, error);
        if (r < 0)
                return r;
        if (has_key)
                (void)conversation_tell(c, NET_STAGE_KEY);
        r = has_key ? key_fetch(&c->key, c->ask.key, c->ask.limits.connect_ms, error) : 0;
        if (r >= 0)
                r = http_new(&c->http, &c->ask, has_key ? c->key.text : NULL, resolver, error);
        if (r < 0)
                return r;
        return net_sandbox_enter((const uint16_t[]) { port, http_link_port(c->http) }, 2, error);
}

static void end(Conversation *c, int r, Error *error)
{
        NetMessage m = { .type = NET_DONE };

        if (r < 0) {
                key_redact(&c->key, error->text, strlen(error->text));
                m.type = NET_FAILED;
                m.failed.code = error->code < 0 ? error->code : r;
                m.failed.may_cost = c->may_cost;
                m.failed.wait_s = c->wait_s;
                (void)snprintf(m.failed.text, sizeof(m.failed.text), "%s", error->text);
        }
        (void)conversation_say(c, &m, -1);
}

/* Of a server. */
static int ask_server(Conversation *c, Error *error)
{
        int r = c->ask.flags & NET_ASK_CHECK ? 0 : c->dialect->check(&c->talk, error);

        if (r >= 0 && c->ask.flags & NET_ASK_DRY_RUN)
                return conversation_show(c, error);
        if (r >= 0)
                r = prepare(c, error);
        if (r < 0)
                return r;
        return c->ask.flags & NET_ASK_CHECK ? conversation_check(c, error) : conversation_hold(c, error);
}

static int ask(Conversation *c, Error *error)
{
        if (c->ask.dialect == NET_DIALECT_PROGRAM)
                return c->ask.flags & NET_ASK_DRY_RUN ? program_show(c, error) : program_hold(c, error);
        c->dialect = dialect_get((NetDialect)c->ask.dialect);
        int r = ask_server(c, error);
        c->dialect->done(&c->talk);
        return r;
}

int net_worker_run(int socket)
{
        Conversation *c = calloc(1, sizeof(Conversation));
        Error error = {};

        if (!c)
                return log_error_errno(-ENOMEM, "The network worker cannot begin");
        conversation_init(c, socket);
        int r = collect(c, &error);
        if (r > 0)
                end(c, ask(c, &error), &error);
        else if (r < 0)
                end(c, r, &error);
        conversation_done(c);
        free(c);
        return MIN(r, 0);
}
