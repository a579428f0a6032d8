/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "client/arguments.h"

void arguments_fill_descriptors(void)
{
        int fd;

        do
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd >= 0)
                (void)close(fd);
}

char **arguments_free(char **strings)
{
        for (char **s = strings; s && *s; s++)
                free(*s);
        free(strings);
        return NULL;
}

char **arguments_take(int argc, char *argv[])
{
        _cleanup_(arguments_freep) char **copy = calloc((size_t)argc + 1, sizeof(*copy));

        for (int i = 0; copy && i < argc; i++) {
                copy[i] = strdup(argv[i]);
                if (!copy[i])
                        return NULL;
        }
        for (int i = 1; copy && i < argc; i++)
                explicit_bzero(argv[i], strlen(argv[i]));
        return TAKE_PTR(copy);
}
