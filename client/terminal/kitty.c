/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/util.h"
#include "client/terminal/kitty.h"

#define CHUNK_BYTES (KITTY_CHUNK / 4 * 3)

int kitty_encode(const Picture *png, const KittyPlace *place, char **ret, size_t *ret_size)
{
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;

        FILE *f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (size_t at = 0; at < png->size; at += CHUNK_BYTES) {
                const size_t n = MIN(png->size - at, (size_t)CHUNK_BYTES);
                (void)fputs("\033_G", f);
                if (at == 0)
                        (void)fprintf(f, "a=T,f=100,i=%u,p=1,c=%u,r=%u,C=1,", place->id, place->columns, place->rows);
                (void)fprintf(f, "q=2,m=%d;", at + n < png->size);
                base64_put(png->data + at, n, f);
                (void)fputs("\033\\", f);
        }
        if (fclose(f) == EOF)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}
