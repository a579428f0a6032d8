/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libjpeg ends a failed call by calling error_exit; this one goes back to the setjmp() around all that may fail:
 *
 *     JpegFailure failure = {};
 *     jpeg.err = jpeg_failure_init(&failure);
 *     if (setjmp(failure.jump))
 *             return error_set(error, -EBADMSG, "%s", failure.text);
 */

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

typedef struct JpegFailure {
        struct jpeg_error_mgr manager; /* first, for the cast */
        jmp_buf jump;
        char text[JMSG_LENGTH_MAX];
} JpegFailure;

_Noreturn static inline void jpeg_fail(j_common_ptr jpeg)
{
        JpegFailure *failure = (JpegFailure *)jpeg->err;

        failure->manager.format_message(jpeg, failure->text);
        longjmp(failure->jump, 1);
}

static inline struct jpeg_error_mgr *jpeg_failure_init(JpegFailure *failure)
{
        (void)jpeg_std_error(&failure->manager);
        failure->manager.error_exit = jpeg_fail;
        return &failure->manager;
}
