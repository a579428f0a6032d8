/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/model/file.h"
#include "engine/text/simple_vocab.h"

#define MERGES_MAX (49152 - 256 - 2)
#define TEXT_MAX (16U << 20)

DEFINE_CLEANUP(gzFile, gzclose)

/* The whole text; *ret is malloc'ed and terminated. */
static int inflate_file(char **ret, size_t *ret_size, const char *path, Error *error)
{
        struct stat st;
        int fd = regular_file_open(path, &st, error);
        if (fd < 0)
                return fd;
        _cleanup_(gzclosep) gzFile file = gzdopen(fd, "rb");
        if (!file)
                (void)close(fd);
        _cleanup_(freep) char *text = malloc(TEXT_MAX + 1);
        if (!file || !text)
                return error_set(error, -ENOMEM, "%s: out of memory", path);

        int n = gzread(file, text, TEXT_MAX);
        if (n < 0)
                return error_set(error, -EBADMSG, "%s: not a gzip file, or broken", path);
        text[n] = '\0';
        *ret = TAKE_PTR(text);
        *ret_size = (size_t)n;
        return 0;
}

/* The character that stands for a byte: itself where it can be seen, else one from U+0100 on. In UTF-8, terminated. */
static void byte_symbol(unsigned byte, unsigned *hidden, char ret[static 4])
{
        const bool seen = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        const unsigned code = seen ? byte : 256 + (*hidden)++;

        if (code < 0x80) {
                ret[0] = (char)code;
                ret[1] = '\0';
        } else {
                ret[0] = (char)(0xc0 | code >> 6);
                ret[1] = (char)(0x80 | (code & 0x3f));
                ret[2] = '\0';
        }
}

static bool add(json_t *vocab, const char *entry, size_t size)
{
        return json_object_setn_new(vocab, entry, size, json_integer((json_int_t)json_object_size(vocab))) >= 0;
}

/* First the bytes that can be seen, then the others; then all of them as ends of words. */
static bool add_bytes(json_t *vocab)
{
        for (int end = 0; end < 2; end++)
                for (int pass = 0; pass < 2; pass++) {
                        unsigned hidden = 0;
                        for (unsigned byte = 0; byte < 256; byte++) {
                                char entry[16];
                                const unsigned before = hidden;

                                byte_symbol(byte, &hidden, entry);
                                if ((hidden != before) != (pass == 1))
                                        continue;
                                if (end)
                                        strcat(entry, "</w>");
                                if (!add(vocab, entry, strlen(entry)))
                                        return false;
                        }
                }
        return true;
}

/* Adds each line's two halves as one; *text is cut off after the last line that counts. */
static bool add_merges(json_t *vocab, char *text)
{
        char *line = strchr(text, '\n'); /* after the header */

        for (unsigned n = 0; line && line[1] && n < MERGES_MAX; n++) {
                char *end = strchr(++line, '\n');
                const size_t length = end ? (size_t)(end - line) : strlen(line);
                const char *space = memchr(line, ' ', length);
                char entry[256];

                if (!space || length >= sizeof(entry))
                        return false;
                const size_t first = (size_t)(space - line), second = length - first - 1;
                memcpy(entry, line, first);
                memcpy(entry + first, space + 1, second);
                if (!add(vocab, entry, first + second))
                        return false;
                line = end;
        }
        if (line && *line == '\n')
                line[1] = '\0';
        return add(vocab, "<|startoftext|>", 15) && add(vocab, "<|endoftext|>", 13);
}

int simple_vocab_read(json_t **ret_vocab, char **ret_merges, size_t *ret_size, const char *path, Error *error)
{
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        int r = inflate_file(&text, &size, path, error);
        if (r < 0)
                return r;

        json_t *vocab = json_object();
        if (!vocab)
                return error_set(error, -ENOMEM, "%s: out of memory", path);
        if (strlen(text) != size || !add_bytes(vocab) || !add_merges(vocab, text)) {
                json_decref(vocab);
                return error_set(error, -EBADMSG, "%s: not a list of merges", path);
        }
        *ret_vocab = vocab;
        *ret_size = strlen(text);
        *ret_merges = TAKE_PTR(text);
        return 0;
}
