/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/exif.h"
#include "engine/image/jpeg-failure.h"
#include "engine/image/jpeg.h"

#define FULL_COLOUR 90 /* quality */
#define MARKER_MAX 65533

typedef struct Writer {
        struct jpeg_compress_struct jpeg;
        JpegFailure failure;
        uint8_t *data; /* grown by libjpeg */
        unsigned long size;
} Writer;

/* Everything that may jump. */
static int write_jpeg(Writer *writer, const Picture *picture, const uint8_t *exif, size_t exif_size, unsigned quality, Error *error)
{
        j_compress_ptr jpeg = &writer->jpeg;

        if (setjmp(writer->failure.jump))
                return error_set(error, -EINVAL, "JPEG: %s", writer->failure.text);

        jpeg_create_compress(jpeg);
        jpeg_mem_dest(jpeg, &writer->data, &writer->size);
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
        _cleanup_(freep) uint8_t *exif = NULL;
        Writer writer = {};
        size_t exif_size = 0;

        int r = parameters ? make_marker(parameters, &exif, &exif_size) : 0;
        if (r < 0)
                return error_set(error, r, "JPEG: the settings do not fit: %s", strerror(-r));
        writer.jpeg.err = jpeg_failure_init(&writer.failure);
        r = write_jpeg(&writer, picture, exif, exif_size, quality, error);
        if (r < 0 && writer.jpeg.dest) /* only this tells where the data lie that have grown */
                writer.jpeg.dest->term_destination(&writer.jpeg);
        jpeg_destroy_compress(&writer.jpeg);
        if (r < 0) {
                free(writer.data);
                return r;
        }
        *ret_data = writer.data;
        *ret_size = writer.size;
        return 0;
}
