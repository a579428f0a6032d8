/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "queue/queue-private.h"

static bool exceeds(uint64_t have, uint64_t more, uint64_t limit)
{
        return have > limit || more > limit - have;
}

int queue_add_input(Queue *queue, Job *job, Input input, int fd, uint64_t size, Error *error)
{
        User *user = user_of(queue, job);

        if (exceeds(user->input_bytes, size, queue->limits.input_bytes_per_user))
                return error_set(error, -EDQUOT, "%s: more than what may wait (input_bytes_per_user)",
                                 input_to_string(input));
        if (exceeds(queue->input_bytes, size, queue->limits.input_bytes_total))
                return error_set(error, -EDQUOT, "%s: more than what may wait (input_bytes_total); try again later",
                                 input_to_string(input));
        job->inputs[input] = (JobInput) { .fd = fd, .size = size };
        user->input_bytes += size;
        queue->input_bytes += size;
        return 0;
}

void inputs_drop(Queue *queue, Job *job)
{
        User *user = user_of(queue, job);

        for (size_t i = 0; i < INPUT_MAX; i++) {
                if (job->inputs[i].fd < 0)
                        continue;
                closep(&job->inputs[i].fd);
                job->inputs[i].fd = -1;
                user->input_bytes -= job->inputs[i].size;
                queue->input_bytes -= job->inputs[i].size;
        }
}
