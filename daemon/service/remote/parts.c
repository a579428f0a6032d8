/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/memfd.h"
#include "base/util.h"
#include "net/capabilities.h"
#include "service/remote/abilities.h"
#include "service/remote/commission.h"
#include "service/remote/finishing.h"
#include "service/remote/parts.h"
#include "service/remote/remote.h"
#include "service/service.h"

struct Parts {
        Service *service;
        uint64_t serial; /* of the job */
        int fds[NET_PART_MAX];
        uint32_t width, height; /* of the picture, which its mask has, too; 0: its own */
        Finishing *finishing; /* of the first picture that is missing */
        parts_done_t done;
        void *userdata;
};

static const struct {
        NetPart part;
        Input input;
} pictures[] = { { NET_PART_PICTURE, INPUT_IMAGE }, { NET_PART_MASK, INPUT_MASK } };

Parts *parts_free(Parts *parts)
{
        if (!parts)
                return NULL;
        finishing_free(parts->finishing);
        for (size_t i = 0; i < NET_PART_MAX; i++)
                closep(&parts->fds[i]);
        free(parts);
        return NULL;
}

const int *parts_fds(const Parts *parts)
{
        return parts->fds;
}

/* --- texts --- */

static int add_text(Parts *parts, NetPart part, const char *text)
{
        parts->fds[part] = memfd_new_sealed("text", text, strlen(text));
        return MIN(parts->fds[part], 0);
}

static int add_workflow(Parts *parts, const Server *server, Error *error)
{
        _cleanup_(freep) char *text = NULL;

        int r = abilities_read_workflow(server, &text, error);
        return r < 0 ? r : add_text(parts, NET_PART_WORKFLOW, text);
}

static int add_texts(Parts *parts, const Job *job, Error *error)
{
        const Commission *c = job->commission;

        int r = add_text(parts, NET_PART_PROMPT, job->request->prompt);
        if (r >= 0 && c->parts & 1U << NET_PART_NEGATIVE)
                r = add_text(parts, NET_PART_NEGATIVE, job->request->negative_prompt);
        if (r >= 0 && c->parts & 1U << NET_PART_WORKFLOW)
                r = add_workflow(parts, &c->server, error);
        return r < 0 && error->code == 0 ? error_set(error, r, "The request cannot be written: %s", strerror(-r)) : r;
}

/* --- pictures --- */

static int go_on(Parts *parts, const Job *job, Error *error);

static void on_made(const Message *made, int fd, const Error *error, void *userdata)
{
        Parts *parts = userdata;
        const Job *job = queue_find_serial(parts->service->queue, parts->serial);
        Error failure = error ? *error : (Error) {};
        size_t i = 0;

        if (made) {
                parts->width = made->picture.width;
                parts->height = made->picture.height;
        }
        parts->finishing = finishing_free(parts->finishing);
        while (parts->fds[pictures[i].part] >= 0)
                i++;
        parts->fds[pictures[i].part] = fd;
        if (!job)
                return;
        const int r = failure.code < 0 ? failure.code : go_on(parts, job, &failure);
        if (r != 0)
                parts->done(r < 0 ? &failure : NULL, parts->userdata);
}

static uint32_t use_of(NetPart part, const NetAsk *ask)
{
        if (part == NET_PART_PICTURE)
                return FOREIGN_SOURCE;
        return capabilities_get((NetDialect)ask->dialect, ask->model)->mask == NET_MASK_CLEAR ? FOREIGN_MASK_CLEAR : FOREIGN_MASK_BRIGHT;
}

/* Begins with the first one that is missing. 1: none is. */
static int go_on(Parts *parts, const Job *job, Error *error)
{
        const Commission *c = job->commission;

        for (size_t i = 0; i < ELEMENTSOF(pictures); i++) {
                const NetPart part = pictures[i].part;
                const ForeignInfo info = { .use = use_of(part, &c->ask), .width = parts->width, .height = parts->height };

                if (c->parts & 1U << part && parts->fds[part] < 0)
                        return finishing_new(&parts->finishing, parts->service, job, &info, job->inputs[pictures[i].input].fd, on_made, parts, error);
        }
        return 1;
}

int parts_new(Parts **ret, Service *service, const Job *job, parts_done_t done, void *userdata, Error *error)
{
        const NetDraw *draw = &job->commission->ask.draw;
        _cleanup_(parts_freep) Parts *parts = calloc(1, sizeof(Parts));
        if (!parts)
                return error_set(error, -ENOMEM, "Out of memory");

        *parts = (Parts) {
                .service = service, .serial = job->serial, .done = done, .userdata = userdata,
                .width = MIN(draw->width, (uint32_t)REQUEST_SIZE_MAX), .height = MIN(draw->height, (uint32_t)REQUEST_SIZE_MAX),
        };
        for (size_t i = 0; i < NET_PART_MAX; i++)
                parts->fds[i] = -1;
        int r = add_texts(parts, job, error);
        if (r >= 0)
                r = go_on(parts, job, error);
        if (r >= 0)
                *ret = TAKE_PTR(parts);
        return r;
}
