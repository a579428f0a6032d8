/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "engine/image/read.h"

/* More are made up by nobody but to cost time (each makes the decoder go through the whole picture). */
#define SCANS_MAX 100

/* libjpeg ends a failed call by calling this; it goes back to where read_jpeg waits. */
typedef struct Failure {
        struct jpeg_error_mgr manager;
        jmp_buf jump;
        char text[JMSG_LENGTH_MAX];
} Failure;

_Noreturn static void on_error(j_common_ptr jpeg)
{
        Failure *failure = (Failure *)jpeg->err;

        failure->manager.format_message(jpeg, failure->text);
        longjmp(failure->jump, 1);
}

/* A warning tells of data that are missing or broken and were made up. */
static void on_message(j_common_ptr jpeg, int level)
{
        if (level < 0)
                on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg)
{
        if (((j_decompress_ptr)jpeg)->input_scan_number > SCANS_MAX)
                on_error(jpeg);
}

/* Everything that may jump. */
static int decode(j_decompress_ptr jpeg, Failure *failure, ReadPicture *ret, const char *field, Error *error)
{
        if (setjmp(failure->jump))
                return error_set(error, -EBADMSG, "%s: a broken JPEG: %s", field, failure->text);

        (void)jpeg_read_header(jpeg, TRUE);
        if (jpeg->num_components == 4)
                return error_set(error, -EOPNOTSUPP, "%s: a JPEG in CMYK", field);
        int r = read_picture_allocate(ret, field, jpeg->image_width, jpeg->image_height, error);
        if (r < 0)
                return r;
        jpeg->out_color_space = JCS_EXT_RGBX;
        (void)jpeg_start_decompress(jpeg);
        while (jpeg->output_scanline < jpeg->output_height) {
                JSAMPROW row = ret->rgba + (size_t)jpeg->output_scanline * ret->width * 4;
                (void)jpeg_read_scanlines(jpeg, &row, 1);
        }
        (void)jpeg_finish_decompress(jpeg);
        return 0;
}

int read_jpeg(ReadPicture *ret, const char *field, const uint8_t *data, size_t size, Error *error)
{
        struct jpeg_decompress_struct jpeg = {};
        struct jpeg_progress_mgr progress = { .progress_monitor = on_progress };
        Failure failure = {};

        jpeg.err = jpeg_std_error(&failure.manager);
        failure.manager.error_exit = on_error;
        failure.manager.emit_message = on_message;
        jpeg_create_decompress(&jpeg);
        jpeg.progress = &progress;
        jpeg_mem_src(&jpeg, data, size);
        int r = decode(&jpeg, &failure, ret, field, error);
        jpeg_destroy_decompress(&jpeg);
        for (size_t i = 0; r >= 0 && i < (size_t)ret->width * ret->height; i++)
                ret->rgba[i * 4 + 3] = 255;
        return r;
}
