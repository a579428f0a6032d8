/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/image/exif.h"
#include "engine/image/webp.h"

#define LOSSLESS 100 /* quality */
#define LOSSLESS_EFFORT 4 /* of 9 */

static bool encode(const Picture *picture, unsigned quality, WebPMemoryWriter *writer)
{
        WebPConfig config;
        WebPPicture webp;

        if (!WebPConfigInit(&config) || !WebPPictureInit(&webp))
                return false;
        config.quality = (float)quality;
        if (quality >= LOSSLESS && !WebPConfigLosslessPreset(&config, LOSSLESS_EFFORT))
                return false;
        webp.use_argb = quality >= LOSSLESS;
        webp.width = (int)picture->width;
        webp.height = (int)picture->height;
        webp.writer = WebPMemoryWrite;
        webp.custom_ptr = writer;
        bool done = WebPPictureImportRGB(&webp, picture->rgb, (int)picture->width * 3) && WebPEncode(&config, &webp);
        WebPPictureFree(&webp);
        return done;
}

static bool add_chunk(WebPMux *mux, const char *name, const void *data, size_t size)
{
        const WebPData chunk = { data, size };

        return WebPMuxSetChunk(mux, name, &chunk, 1) == WEBP_MUX_OK;
}

/* The same file with more chunks. */
static int add_texts(const WebPMemoryWriter *writer, const PictureTexts *texts, WebPData *ret)
{
        _cleanup_(freep) uint8_t *exif = NULL;
        size_t size = 0;

        int r = texts->parameters ? exif_new(texts->parameters, &exif, &size) : 0;
        if (r < 0)
                return r;
        WebPMux *mux = WebPMuxCreate(&(WebPData) { writer->mem, writer->size }, 0);
        bool done = mux && (!exif || add_chunk(mux, "EXIF", exif, size)) &&
                    (!texts->xmp || add_chunk(mux, "XMP ", texts->xmp, texts->xmp_size)) &&
                    WebPMuxAssemble(mux, ret) == WEBP_MUX_OK;
        WebPMuxDelete(mux);
        return done ? 0 : -ENOMEM;
}

int picture_to_webp(const Picture *picture, const PictureTexts *texts, unsigned quality, void **ret_data, size_t *ret_size,
                    Error *error)
{
        WebPMemoryWriter writer;
        WebPData file = {};

        WebPMemoryWriterInit(&writer);
        int r = encode(picture, quality, &writer) ? 0 : -EINVAL;
        if (r >= 0 && (texts->parameters || texts->xmp)) {
                r = add_texts(&writer, texts, &file);
                WebPMemoryWriterClear(&writer);
        } else {
                file = (WebPData) { writer.mem, writer.size };
        }
        if (r < 0) {
                WebPDataClear(&file);
                return error_set(error, r, "WebP: %s", r == -ENOMEM ? "out of memory" : "the picture cannot be encoded");
        }
        *ret_data = (void *)file.bytes;
        *ret_size = file.size;
        return 0;
}
