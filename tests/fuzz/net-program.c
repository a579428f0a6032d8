/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/program-lines.h"
#include "tests/fuzz/drawn.h"
#include "tests/fuzz/fuzz.h"

/* What a provider that is a program may say. The first byte says how long the pieces are in which it comes, and whether a check
 * was asked for. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static int pictures = -1;
        static const char written[] = "\x89PNG\r\n\x1a\n and so on";
        if (size < 1)
                return 0;
        const NetAsk ask = { .count = 3, .flags = data[0] & 128 ? NET_ASK_CHECK : 0 };
        Talk talk = { .ask = &ask, .deliver = deliver, .progress = on_progress };
        const size_t step = (size_t)(data[0] & 127) + 1;
        Error error = {};
        int r = 0;

        if (pictures < 0) {
                pictures = memfd_create("pictures", MFD_CLOEXEC);
                if (pictures < 0 || write(pictures, written, sizeof(written)) != (ssize_t)sizeof(written))
                        abort();
        }
        ProgramLines lines = { .talk = &talk, .pictures = pictures, .line = { .max = 1 << 16 } };
        for (size_t i = 1; i < size && r >= 0; i += step)
                r = program_lines_take(&lines, (const char *)data + i, MIN(size - i, step), &error);
        if ((r < 0) != (error.code < 0))
                abort();
        check_line(error.text, sizeof(error.text));
        bytes_done(&lines.line);
        return 0;
}
