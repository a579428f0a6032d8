/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/memfd.h"
#include "base/request.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/input.h"

/* To the end, or to one byte more than may be. */
static int read_all(int fd, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(freep) uint8_t *data = NULL;
        size_t size = 0, room = 0;

        for (;;) {
                if (size == room) {
                        room = MIN(MAX(room * 2, (size_t)65536), (size_t)INPUT_BYTES_MAX + 1);
                        if (size == room)
                                return -EFBIG;
                        uint8_t *grown = realloc(data, room);
                        if (!grown)
                                return -ENOMEM;
                        data = grown;
                }
                ssize_t n = read(fd, data + size, room - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t)n;
        }
        *ret = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

/* What file systems without such attributes, and what is no file, cannot be marked with. */
static bool has_no_marks(int code)
{
        return code == ENODATA || code == ENOTSUP || code == EPERM || code == ENOSYS;
}

void input_note_private(int fd, bool *is_private)
{
        if (is_private && (fgetxattr(fd, INPUT_PRIVATE, NULL, 0) >= 0 || !has_no_marks(errno)))
                *is_private = true;
}

int input_read_fd(int fd, const char *name, int *ret_fd, bool *is_private, Error *error)
{
        _cleanup_(freep) uint8_t *data = NULL;
        size_t size = 0;

        int r = read_all(fd, &data, &size);
        if (r == -EFBIG)
                return error_set(error, r, _("%s: more than %u MiB"), name, INPUT_BYTES_MAX >> 20);
        if (r >= 0 && size == 0)
                return error_set(error, -ENODATA, _("%s is empty"), name);
        if (r >= 0)
                r = memfd_new_sealed("input", data, size);
        if (r < 0)
                return error_set(error, r, _("cannot read %s: %s"), name, strerror(-r));
        input_note_private(fd, is_private);
        *ret_fd = r;
        return 0;
}

int input_read(const char *path, int *ret_fd, bool *is_private, Error *error)
{
        bool is_stdin = streq(path, "-");
        _cleanup_(closep) int opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (!is_stdin && opened < 0)
                return error_set(error, -errno, _("cannot open %s: %s"), path, strerror(errno));
        return input_read_fd(is_stdin ? STDIN_FILENO : opened, path, ret_fd, is_private, error);
}
