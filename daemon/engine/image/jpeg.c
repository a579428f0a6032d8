/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/image/exif.h"
#include "engine/image/jpeg-failure.h"
#include "engine/image/jpeg.h"

#define FULL_COLOUR 90 /* quality */

typedef struct Segment { /* APP1 */
        uint8_t *data;
        size_t size;
} Segment;

typedef struct Writer {
        struct jpeg_compress_struct jpeg;
        JpegFailure failure;
        uint8_t *data; /* grown by libjpeg */
        unsigned long size;
} Writer;

/* Everything that may jump. */
static int write_jpeg(Writer *writer, const Picture *picture, const Segment segments[2], unsigned quality, Error *error)
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
        for (size_t i = 0; i < 2; i++)
                if (segments[i].size > 0)
                        jpeg_write_marker(jpeg, JPEG_APP0 + 1, segments[i].data, (unsigned)segments[i].size);
        while (jpeg->next_scanline < jpeg->image_height) {
                JSAMPROW row = picture->rgb + (size_t)jpeg->next_scanline * picture->width * 3;
                (void)jpeg_write_scanlines(jpeg, &row, 1);
        }
        jpeg_finish_compress(jpeg);
        return 0;
}

static inline void free_segments(Segment (*segments)[2])
{
        free((*segments)[0].data);
        free((*segments)[1].data);
}

/* With the name in front that says what it is, the zeros at its end included. */
static int make_segment(Segment *ret, const char *name, size_t name_size, const void *data, size_t size)
{
        if (name_size + size > JPEG_SEGMENT_MAX)
                return -EFBIG;
        ret->data = malloc(name_size + size);
        if (!ret->data)
                return -ENOMEM;
        memcpy(ret->data, name, name_size);
        memcpy(ret->data + name_size, data, size);
        ret->size = name_size + size;
        return 0;
}

static int make_segments(Segment segments[2], const PictureTexts *texts)
{
        _cleanup_(freep) uint8_t *exif = NULL;
        size_t size = 0;

        int r = texts->parameters ? exif_new(texts->parameters, &exif, &size) : 0;
        if (r >= 0 && exif)
                r = make_segment(&segments[0], "Exif\0", 6, exif, size);
        if (r >= 0 && texts->xmp)
                r = make_segment(&segments[1], JPEG_XMP_NAME, sizeof(JPEG_XMP_NAME), texts->xmp, texts->xmp_size);
        return r;
}

int picture_to_jpeg(const Picture *picture, const PictureTexts *texts, unsigned quality, void **ret_data, size_t *ret_size,
                    Error *error)
{
        _cleanup_(free_segments) Segment segments[2] = {};
        Writer writer = {};

        int r = make_segments(segments, texts);
        if (r < 0)
                return error_set(error, r, "JPEG: the settings do not fit: %s", strerror(-r));
        writer.jpeg.err = jpeg_failure_init(&writer.failure);
        r = write_jpeg(&writer, picture, segments, quality, error);
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
