/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Servers of pictures, played by fake-server, and what the worker makes of them:
 *
 *     static const Play plays[] = { { "moderation", NET_REFUSED, "not allowed here", 1 } };
 *     check_plays(&fake, NET_DIALECT_OPENAI_IMAGES, plays, ELEMENTSOF(plays)); */

#include "harness.h"

#define PNG_START "\x89PNG\r\n\x1a\n"
#define A_PICTURE PNG_START "that nobody looks into"
#define ANY SIZE_MAX

typedef struct Play {
        const char *name;
        int code;
        const char *says; /* a part of the error's sentence; NULL: any */
        size_t requests; /* ANY: as many as there was time for */
        void (*change)(NetAsk *ask);
        uint32_t parts; /* 1 << NET_PART_…, beside the prompt */
        unsigned n_partial; /* at least so many come before */
} Play;

static inline NetAsk good_draw(const Fake *fake, NetDialect dialect, const char *play)
{
        NetAsk ask = good_ask(fake, play);
        char *version = strrchr(ask.url, '/');

        ask.dialect = dialect;
        ask.draw = (NetDraw) { .guidance = -1, .strength = -1 };
        ask.limits.answer_bytes = 8 << 20;
        ask.model[0] = '\0';
        if (dialect != NET_DIALECT_OPENAI_IMAGES) /* the others have the version in their paths, or none */
                *version = '\0';
        return ask;
}

static inline void send_parts(int socket, uint32_t parts)
{
        static const struct {
                NetPart part;
                const char *text;
        } all[] = {
                { NET_PART_NEGATIVE, "text, blur" },
                { NET_PART_PICTURE, A_PICTURE },
                { NET_PART_MASK, A_PICTURE },
                { NET_PART_WORKFLOW, "{\"6\":{\"inputs\":{\"text\":\"{{prompt}}\"}}}" },
        };

        send_text(socket, NET_PART_PROMPT, "a \"red\" fox");
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (parts & 1U << all[i].part)
                        send_text(socket, all[i].part, all[i].text);
}

static inline Outcome draw_with(const Fake *fake, NetDialect dialect, const Play *play)
{
        NetAsk question = good_draw(fake, dialect, play->name);
        int socket;
        pid_t pid = start_worker(&socket);

        if (play->change)
                play->change(&question);
        send_parts(socket, play->parts | (dialect == NET_DIALECT_COMFYUI ? 1U << NET_PART_WORKFLOW : 0));
        send_ask(socket, &question);
        return hear(socket, pid);
}

static inline size_t count_lines(const Fake *fake, const char *name)
{
        _cleanup_(freep) char *text = fake_file(fake, name);
        size_t n = 0;

        for (const char *p = text; (p = strchr(p, '\n')); p++)
                n++;
        return n;
}

static inline void check_play(const Fake *fake, NetDialect dialect, const Play *play)
{
        fake_forget(fake);
        Outcome o = draw_with(fake, dialect, play);
        size_t requests = count_lines(fake, "requests");

        if (o.code != play->code || o.status != 0)
                fail_msg("%s: %d '%s', status %d", play->name, o.code, o.text, o.status);
        if (play->code < 0 && (!o.text[0] || (play->says && !strstr(o.text, play->says))))
                fail_msg("%s: '%s'", play->name, o.text);
        if (play->requests != ANY && requests != play->requests)
                fail_msg("%s: %zu requests", play->name, requests);
        if (o.n_partial < play->n_partial)
                fail_msg("%s: %u partial pictures", play->name, o.n_partial);
        for (unsigned i = 0; i < o.n_results; i++)
                assert_memory_equal(o.results[i], PNG_START, strlen(PNG_START));
        assert_int_equal(play->code == 0, o.n_results > 0);
        outcome_done(&o);
}

static inline void check_plays(const Fake *fake, NetDialect dialect, const Play *plays, size_t n)
{
        for (size_t i = 0; i < n; i++)
                check_play(fake, dialect, &plays[i]);
}

/* What the server was asked, which plays named "fields" put behind the picture's end. */
static inline const char *fields_of(const Outcome *o)
{
        static const char end[] = "IEND\xae" "B`\x82";
        const char *found = memmem(o->results[0], o->sizes[0], end, strlen(end));

        assert_non_null(found);
        return found + strlen(end);
}

/* What goes wrong between any two programs, whatever they say to each other. */
static inline void hasty(NetAsk *ask)
{
        ask->limits.first_byte_ms = 200;
        ask->limits.tries = 1;
}

static inline void restless(NetAsk *ask)
{
        ask->limits.idle_ms = 200;
}

static inline void short_of_time(NetAsk *ask)
{
        ask->limits.total_ms = 200;
}

static inline void small(NetAsk *ask)
{
        ask->limits.answer_bytes = 65536;
}

/* taken_back: requests that follow one that broke off. */
static inline void check_transport(const Fake *fake, NetDialect dialect, size_t taken_back)
{
        const size_t one = 1 + taken_back, four = 4 + taken_back;
        const bool is_openai = dialect == NET_DIALECT_OPENAI_IMAGES, is_runway = dialect == NET_DIALECT_RUNWAY;
        const Play plays[] = {
                { "401", NET_KEY_REJECTED, "wants a key", 1 },
                { "403", NET_KEY_REJECTED, "403", 1 },
                { "429", NET_LIMITED, "too many requests", 3 },
                { "429-long", NET_LIMITED, "too many requests", 1 },
                { "no-retry", NET_BAD_ANSWER, "503", 1 },
                { "500", NET_BAD_ANSWER, "503", 3 },
                /* Whoever is behind that gateway may draw it; two services say that it is to be asked again all the same. */
                { "502", NET_BAD_ANSWER, "502", is_openai || is_runway ? 3 : one },
                { "504", NET_BAD_ANSWER, "504", is_runway ? 3 : one },
                { "520", NET_BAD_ANSWER, "520", one },
                { "400", NET_BAD_ANSWER, "400", 1 },
                { "html", NET_BAD_ANSWER, NULL, 1 },
                { "nothing", NET_BAD_ANSWER, NULL, 1 },
                { "gzip", NET_BAD_ANSWER, NULL, 1 },
                { "truncated", NET_BAD_ANSWER, "cut off", one },
                { "endless", NET_BAD_ANSWER, "more than 65536 bytes", one, small },
                { "endless-header", NET_BAD_ANSWER, "more than 65536 bytes", one, small },
                { "silent", NET_UNREACHABLE, "does not answer", ANY, hasty }, /* it may not have got so far as to ask */
                { "half", NET_UNREACHABLE, "stopped in the middle", one, restless },
                { "drip", NET_UNREACHABLE, "longer than", ANY, short_of_time },
                { "close", NET_UNREACHABLE, "127.0.0.1", one }, /* it may have cost something */
                { "redirect-loop", NET_BAD_ANSWER, "not followed", four },
                { "redirect-host", NET_BAD_ANSWER, "not followed", one },
                { "redirect-file", NET_BAD_ANSWER, "not followed", one },
                { "redirect-302", NET_BAD_ANSWER, "not followed", one },
        };

        check_plays(fake, dialect, plays, ELEMENTSOF(plays));
}

/* Those after which there is a picture all the same. more: requests beyond the one that draws. */
static inline void check_patience(const Fake *fake, NetDialect dialect, size_t more)
{
        const Play plays[] = {
                { "ok", 0, NULL, 1 + more }, { "429-once", 0, NULL, 2 + more }, { "429-date", 0, NULL, 2 + more },
                { "redirect-path", 0, NULL, 2 + more }, { "502-again", 0, NULL, 2 + more },
        };

        check_plays(fake, dialect, plays, ELEMENTSOF(plays));
}

/* Cancels, or goes (by_closing), once that stage was told of and so many requests have come; the server is then told, too:
 * what it noted of that, to be freed. */
static inline char *cancel_at(const Fake *fake, NetDialect dialect, const Play *play, NetStage stage, bool by_closing)
{
        NetMessage m = { .type = NET_TYPE_MAX };
        NetAsk question = good_draw(fake, dialect, play->name);
        int socket;

        fake_forget(fake);
        pid_t pid = start_worker(&socket);
        if (play->change)
                play->change(&question);
        send_parts(socket, play->parts | (dialect == NET_DIALECT_COMFYUI ? 1U << NET_PART_WORKFLOW : 0));
        send_ask(socket, &question);
        while (m.type != NET_PROGRESS || m.progress.stage != stage) {
                _cleanup_(closep) int fd = -1;
                assert_int_equal(net_receive(socket, &m, &fd), 1);
                assert_true(m.type == NET_PROGRESS || m.type == NET_RESULT);
        }
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; count_lines(fake, "requests") < play->requests; sleep_ms(5))
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
        if (by_closing) {
                (void)close(socket);
                assert_int_equal(wait_for_exit(pid), 0);
        } else {
                m = (NetMessage) { .version = NET_VERSION, .type = NET_CANCEL };
                assert_int_equal(net_send(socket, &m, -1), 0);
                Outcome o = hear(socket, pid);
                if (o.code != -ECANCELED)
                        fail_msg("%s: %d %s", play->name, o.code, o.text);
                outcome_done(&o);
        }
        return fake_file(fake, "cancelled");
}

static inline int draw_set_up(Fake *fake)
{
        fake_make(fake);
        fake_start(fake, NULL);
        return setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1);
}

/* What ASK_CHECK makes of a server. */
static inline void check_check(const Fake *fake, NetDialect dialect, const char *says)
{
        NetAsk question = good_draw(fake, dialect, "ok");

        for (int i = 0; i < 2; i++) {
                int socket;
                pid_t pid = start_worker(&socket);

                if (i == 1)
                        question = good_draw(fake, dialect, "401");
                question.flags |= NET_ASK_CHECK;
                send_ask(socket, &question);
                Outcome o = hear(socket, pid);
                if (o.code != (i == 0 ? 0 : NET_KEY_REJECTED))
                        fail_msg("%d %s", o.code, o.text);
                if (i == 0)
                        assert_string_equal(o.results[0], says);
                outcome_done(&o);
        }
}
