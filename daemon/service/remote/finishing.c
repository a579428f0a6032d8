/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "net/protocol.h"
#include "service/decoder.h"
#include "service/picture.h"
#include "service/remote/commission.h"
#include "service/remote/finishing.h"
#include "service/service.h"

struct Finishing {
        Decoder *decoder;
        ForeignInfo info;
        bool came_from_server; /* else it is a picture of the caller's */
        PictureFormat format; /* that is expected */
        Message made; /* with fd */
        int fd;
        finished_t done;
        void *userdata;
};

Finishing *finishing_free(Finishing *finishing)
{
        if (!finishing)
                return NULL;
        decoder_free(finishing->decoder);
        closep(&finishing->fd);
        free(finishing);
        return NULL;
}

static bool comes_from_server(const Job *job, const ForeignInfo *info)
{
        return !job->commission->is_import && (info->use == FOREIGN_RESULT || info->use == FOREIGN_PREVIEW);
}

static const char *name_of(void *userdata)
{
        const Finishing *finishing = userdata;

        if (finishing->came_from_server)
                return "What the server sent";
        if (finishing->info.use == FOREIGN_RESULT)
                return "What is imported";
        return input_to_string(finishing->info.use == FOREIGN_SOURCE ? INPUT_IMAGE : INPUT_MASK);
}

/* What was asked for, and nothing else. */
static bool is_expected(const Finishing *finishing, const Message *m, int fd)
{
        if (m->type == MESSAGE_PREVIEW_IS)
                return finishing->info.use == FOREIGN_PREVIEW && picture_check(fd, FORMAT_PNG, m->preview.width, m->preview.height) >= 0;
        return m->type == MESSAGE_PICTURE && finishing->info.use != FOREIGN_PREVIEW && m->picture.picture == finishing->info.picture &&
               m->picture.seed == finishing->info.seed &&
               picture_check(fd, finishing->format, m->picture.width, m->picture.height) >= 0;
}

static int on_message(const Message *message, int *fd, void *userdata, Error *error)
{
        Finishing *finishing = userdata;
        const int fault = finishing->came_from_server ? NET_BAD_ANSWER : -EINVAL;

        if (message->type == MESSAGE_FAILED)
                return error_set(error, message->failed.code == -ENOMEM ? -ENOMEM : fault, "%s: %s", name_of(finishing), message->failed.text);
        if (!is_expected(finishing, message, *fd))
                return -EBADMSG;
        finishing->made = *message;
        finishing->fd = TAKE_FD(*fd);
        return 1;
}

static void on_done(const Error *error, void *userdata)
{
        Finishing *finishing = userdata;

        if (error)
                finishing->done(NULL, -1, error, finishing->userdata);
        else
                finishing->done(&finishing->made, TAKE_FD(finishing->fd), NULL, finishing->userdata);
}

static void tell(const Finishing *finishing, const Job *job, int fd)
{
        Message m = { .type = MESSAGE_GENERATE };

        m.generate = *job->request;
        decoder_send(finishing->decoder, &m, -1);
        m.type = MESSAGE_PROVENANCE;
        m.provenance = *job->provenance;
        decoder_send(finishing->decoder, &m, -1);
        m.type = MESSAGE_FOREIGN;
        m.foreign = finishing->info;
        decoder_send(finishing->decoder, &m, fd);
}

int finishing_new(
                Finishing **ret, const Service *service, const Job *job, const ForeignInfo *info, int fd, finished_t done,
                void *userdata, Error *error)
{
        static const DecoderHandlers theirs = { .message = on_message, .name = name_of, .done = on_done, .fault = NET_BAD_ANSWER },
                                     ours = { .message = on_message, .name = name_of, .done = on_done, .fault = -EINVAL };
        _cleanup_(finishing_freep) Finishing *finishing = calloc(1, sizeof(Finishing));
        if (!finishing)
                return error_set(error, -ENOMEM, "Out of memory");

        *finishing = (Finishing) {
                .info = *info, .came_from_server = comes_from_server(job, info), .fd = -1, .done = done, .userdata = userdata,
                .format = info->use == FOREIGN_RESULT ? (PictureFormat)job->request->format : FORMAT_PNG,
        };
        int r = decoder_new(&finishing->decoder, service->event, service->config, job->serial,
                            finishing->came_from_server ? &theirs : &ours, finishing, error);
        if (r < 0)
                return r;
        tell(finishing, job, fd);
        *ret = TAKE_PTR(finishing);
        return 0;
}
