/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include "base/util.h"
#include "engine/image/exif.h"
#include "engine/image/jpeg.h"

#define FULL_COLOUR 90 /* quality */
#define MARKER_MAX 65533

/* libjpeg ends a failed call by calling this; it goes back to where write_jpeg waits. */
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

/* Everything that may jump. */
static int write_jpeg(j_compress_ptr jpeg, Failure *failure, const Picture *picture, const uint8_t *exif,
                      size_t exif_size, unsigned quality, Error *error)
{
        if (setjmp(failure->jump))
                return error_set(error, -EINVAL, "JPEG: %s", failure->text);

        jpeg->image_width = picture->width;
        jpeg->image_height = picture->height;
        jpeg->input_components = 3;
        jpeg->in_color_space = JCS_RGB;
        jpeg_set_defaults(jpeg);
        jpeg_set_quality(jpeg, (int)quality, TRUE);
        if (quality >= FULL_COLOUR)
                jpeg->comp_info[0].h_samp_factor = jpeg->comp_info[0].v_samp_factor = 1;
        jpeg_start_compress(jpeg, TRUE);
        if (exif_size > 0)
                jpeg_write_marker(jpeg, JPEG_APP0 + 1, exif, (unsigned)exif_size);
        while (jpeg->next_scanline < jpeg->image_height) {
                JSAMPROW row = picture->rgb + (size_t)jpeg->next_scanline * picture->width * 3;
                (void)jpeg_write_scanlines(jpeg, &row, 1);
        }
        jpeg_finish_compress(jpeg);
        return 0;
}

/* With the six bytes that mark it as EXIF in front. */
static int make_marker(const char *text, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(freep) uint8_t *exif = NULL;
        size_t size;

        int r = exif_new(text, &exif, &size);
        if (r < 0 || size + 6 > MARKER_MAX)
                return r < 0 ? r : -EFBIG;
        *ret = malloc(size + 6);
        if (!*ret)
                return -ENOMEM;
        memcpy(*ret, "Exif\0", 6);
        memcpy(*ret + 6, exif, size);
        *ret_size = size + 6;
        return 0;
}

int picture_to_jpeg(const Picture *picture, const char *parameters, unsigned quality, void **ret_data, size_t *ret_size,
                    Error *error)
{
        struct jpeg_compress_struct jpeg = {};
        _cleanup_(freep) uint8_t *exif = NULL;
        Failure failure = {};
        uint8_t *data = NULL;
        size_t exif_size = 0;
        unsigned long size = 0;

        int r = parameters ? make_marker(parameters, &exif, &exif_size) : 0;
        if (r < 0)
                return error_set(error, r, "JPEG: the settings do not fit: %s", strerror(-r));
        jpeg.err = jpeg_std_error(&failure.manager);
        failure.manager.error_exit = on_error;
        jpeg_create_compress(&jpeg);
        jpeg_mem_dest(&jpeg, &data, &size);
        r = write_jpeg(&jpeg, &failure, picture, exif, exif_size, quality, error);
        jpeg_destroy_compress(&jpeg);
        if (r < 0) {
                free(data);
                return r;
        }
        *ret_data = data;
        *ret_size = size;
        return 0;
}
