/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "engine/image/jpeg-failure.h"
#include "engine/image/read.h"

/* More are made up by nobody but to cost time (each makes the decoder go through the whole picture). */
#define SCANS_MAX 100

/* A warning tells of data that are missing or broken and were made up. */
static void on_message(j_common_ptr jpeg, int level)
{
        if (level < 0)
                jpeg_fail(jpeg);
}

static void on_progress(j_common_ptr jpeg)
{
        JpegFailure *failure = (JpegFailure *)jpeg->err;

        if (((j_decompress_ptr)jpeg)->input_scan_number <= SCANS_MAX)
                return;
        (void)snprintf(failure->text, sizeof(failure->text), "more than %d scans", SCANS_MAX);
        longjmp(failure->jump, 1);
}

typedef struct Reader {
        struct jpeg_decompress_struct jpeg;
        struct jpeg_progress_mgr progress;
        JpegFailure failure;
} Reader;

/* Everything that may jump. */
static int decode(Reader *reader, ReadPicture *ret, const char *field, const uint8_t *data, size_t size, Error *error)
{
        j_decompress_ptr jpeg = &reader->jpeg;

        if (setjmp(reader->failure.jump))
                return error_set(error, -EBADMSG, "%s: a broken JPEG: %s", field, reader->failure.text);

        jpeg_create_decompress(jpeg);
        jpeg->progress = &reader->progress;
        jpeg_mem_src(jpeg, data, size);
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
        Reader reader = { .progress.progress_monitor = on_progress };

        reader.jpeg.err = jpeg_failure_init(&reader.failure);
        reader.failure.manager.emit_message = on_message;
        int r = decode(&reader, ret, field, data, size, error);
        jpeg_destroy_decompress(&reader.jpeg);
        for (size_t i = 0; r >= 0 && i < (size_t)ret->width * ret->height; i++)
                ret->rgba[i * 4 + 3] = 255;
        return r;
}
