/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "net/sse.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void sse_init(Sse *sse, size_t max, sse_event_t event, void *userdata)
{
        *sse = (Sse) { .event = event, .userdata = userdata, .line = { .max = max }, .data = { .max = max } };
}

void sse_done(Sse *sse)
{
        bytes_done(&sse->line);
        bytes_done(&sse->data);
}

/* An empty line: the event is whole. One without data is none. */
static int dispatch(Sse *sse)
{
        int r = 0;

        if (sse->has_data)
                r = sse->event(sse->name, sse->data.data, sse->data.size, sse->userdata);
        bytes_clear(&sse->data);
        sse->name[0] = '\0';
        sse->has_data = false;
        return r;
}

static int take_field(Sse *sse, const char *line, size_t size)
{
        const char *colon = memchr(line, ':', size);
        size_t name = colon ? (size_t)(colon - line) : size;
        const char *value = line + MIN(name + 1, size);
        int r = 0;

        value += *value == ' ';
        size_t length = (size_t)(line + size - value);
        if (name == strlen("data") && memcmp(line, "data", name) == 0) {
                if (sse->has_data)
                        r = bytes_add(&sse->data, "\n", 1);
                sse->has_data = true;
                return r < 0 ? r : bytes_add(&sse->data, value, length);
        }
        if (name == strlen("event") && memcmp(line, "event", name) == 0)
                (void)snprintf(sse->name, sizeof(sse->name), "%.*s", (int)MIN(length, sizeof(sse->name) - 1), value);
        return 0;
}

static int end_line(Sse *sse)
{
        const char *line = sse->line.size > 0 ? sse->line.data : "";
        size_t size = sse->line.size;

        if (!sse->begun && size >= strlen(BYTE_ORDER_MARK) && memcmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
                line += strlen(BYTE_ORDER_MARK);
                size -= strlen(BYTE_ORDER_MARK);
        }
        sse->begun = true;
        int r = size == 0 ? dispatch(sse) : take_field(sse, line, size);
        bytes_clear(&sse->line);
        return r;
}

int sse_feed(Sse *sse, const char *bytes, size_t size)
{
        int r = 0;

        while (size > 0 && r >= 0) {
                if (sse->after_return && *bytes == '\n') {
                        bytes++;
                        size--;
                        sse->after_return = false;
                        continue;
                }
                size_t n = 0;
                while (n < size && bytes[n] != '\n' && bytes[n] != '\r')
                        n++;
                r = n > 0 ? bytes_add(&sse->line, bytes, n) : 0;
                sse->after_return = n < size && bytes[n] == '\r';
                if (r >= 0 && n < size)
                        r = end_line(sse);
                n += n < size;
                bytes += n;
                size -= n;
        }
        return r;
}
