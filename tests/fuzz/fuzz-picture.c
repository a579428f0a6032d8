/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image/read.h"
#include "tests/fuzz/fuzz.h"

/* A picture from outside is either refused with a sentence, or has all its pixels. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        ReadPicture picture = {};
        Error error = {};
        uint32_t sum = 0;

        if (read_picture(&picture, "init-image", data, size, &error) < 0) {
                if (!error.text[0] || picture.rgba)
                        abort();
                return 0;
        }
        for (size_t i = 0; i < (size_t)picture.width * picture.height * 4; i++)
                sum += picture.rgba[i];
        read_picture_done(&picture);
        return sum == UINT32_MAX ? -1 : 0; /* so that the reading is not left out */
}
