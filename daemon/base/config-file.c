/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/util.h"
#include "base/config-file.h"

#define FILE_SIZE_MAX (UINT64_C(1) << 20)

void config_complain(Error *first, const char *path, unsigned line, const char *name, const char *why)
{
        Error error;
        (void)error_set(&error, -EINVAL, "%s:%u: %s%s%s", path, line, name, *name ? " " : "", why);
        log_error("%s", error.text);
        if (first->code == 0)
                *first = error;
}

/* The library reads streams too, but ends the process when a read fails. */
int config_file_read(const char *path, char **ret)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;

        struct stat st;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        if ((uint64_t)st.st_size > FILE_SIZE_MAX)
                return -EFBIG;

        _cleanup_(freep) char *text = malloc((size_t)st.st_size + 1);
        if (!text)
                return -ENOMEM;
        ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        if (strlen(text) != (size_t)n)
                return -EBADMSG;

        *ret = TAKE_PTR(text);
        return 0;
}

/* The end of the string or comment that begins here; p itself if none does. */
static const char *skip_text(const char *p)
{
        if (p[0] == '"') {
                for (p++; *p && *p != '"'; p++)
                        if (*p == '\\' && p[1])
                                p++;
                return *p ? p + 1 : p;
        }
        if (p[0] == '#' || (p[0] == '/' && p[1] == '/'))
                return p + strcspn(p, "\n");
        if (p[0] == '/' && p[1] == '*') {
                const char *end = strstr(p + 2, "*/");
                return end ? end + 2 : p + strlen(p);
        }
        return p;
}

int config_file_check_numbers(const char *text, const char *path, Error *first)
{
        unsigned line = 1;

        for (const char *p = text; *p;) {
                const char *end = skip_text(p);
                if (end == p && isalnum((unsigned char)*p)) {
                        char *number_end;
                        errno = 0;
                        unsigned long long n = strtoull(p, &number_end, 0);
                        end = p + strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
                        if (number_end == end && (errno == ERANGE || n > INT32_MAX))
                                config_complain(first, path, line, "", "a number above 2147483647 needs an L behind it");
                }
                if (end == p)
                        end++;
                for (; p < end; p++)
                        line += *p == '\n';
        }
        return first->code;
}
