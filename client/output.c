/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/util.h"
#include "client/files.h"
#include "client/i18n.h"
#include "client/names.h"
#include "client/output.h"

#define ATTEMPTS_MAX 10000U

static OutputKind kind_of(const char *option)
{
        struct stat st, out;
        size_t length = strlen(option);

        if (streq(option, "-"))
                return OUTPUT_STDOUT;
        if (length > 0 && option[length - 1] == '/')
                return OUTPUT_DIRECTORY;
        if (stat(option, &st) < 0)
                return OUTPUT_FILE;
        /* /dev/stdout, or what it is sent to: no paths may go there. */
        if (fstat(STDOUT_FILENO, &out) >= 0 && out.st_dev == st.st_dev && out.st_ino == st.st_ino &&
            !S_ISCHR(st.st_mode))
                return OUTPUT_STDOUT;
        if (S_ISREG(st.st_mode))
                return OUTPUT_FILE;
        return S_ISDIR(st.st_mode) ? OUTPUT_DIRECTORY : OUTPUT_DEVICE;
}

static int check_directory(const char *path, Error *error)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return error_set(error, -errno, "%s: %s", path, strerror(errno));
        if (!S_ISDIR(st.st_mode))
                return error_set(error, -ENOTDIR, _("%s is not a directory"), path);
        if (access(path, W_OK | X_OK) < 0)
                return error_set(error, -errno, _("cannot write into %s: %s"), path, strerror(errno));
        return 0;
}

/* The name that -o FILE gives to one of the pictures. */
static char *file_name(const Output *output, uint32_t index)
{
        return name_numbered(output->path, output->count > 1 ? index + 1 : 0);
}

static int check_files(const Output *output, Error *error)
{
        const char *slash = strrchr(output->path, '/');
        _cleanup_(freep) char *directory =
                        slash ? strndup(output->path, (size_t)(slash - output->path) + 1) : strdup(".");
        struct stat st;

        if (!directory)
                return -ENOMEM;
        int r = check_directory(directory, error);
        if (r < 0 || output->force)
                return r;
        for (uint32_t i = 0; i < output->count; i++) {
                _cleanup_(freep) char *name = file_name(output, i);
                if (!name)
                        return -ENOMEM;
                if (lstat(name, &st) >= 0)
                        return error_set(error, -EEXIST, _("%s is there already; --force replaces it"), name);
        }
        return 0;
}

static int refuse_terminal(int fd, Error *error)
{
        if (fd >= 0 && isatty(fd))
                return error_set(error, -EINVAL,
                                 _("will not write a picture to the terminal; send it into a file or a pipe"));
        return 0;
}

static int check_stream(const Output *output, Error *error)
{
        if (output->count > 1)
                return error_set(error, -EINVAL, _("%s takes one picture only"), output->path);
        if (output->kind == OUTPUT_STDOUT)
                return refuse_terminal(STDOUT_FILENO, error);

        /* Without waiting for a reader, if it is a pipe. */
        _cleanup_(closep) int fd = open(output->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        return refuse_terminal(fd, error);
}

int output_prepare(
        Output *ret, const char *option, bool force, const char *words, uint32_t count, Error *error)
{
        Output output = {
                .kind = option ? kind_of(option) : OUTPUT_DIRECTORY,
                .path = strdup(option ? option : "."),
                .words = strdup(words),
                .force = force,
                .count = count,
        };
        int r = !output.path || !output.words     ? -ENOMEM
                : output.kind == OUTPUT_DIRECTORY ? check_directory(output.path, error)
                : output.kind == OUTPUT_FILE      ? check_files(&output, error)
                                                  : check_stream(&output, error);
        if (r < 0) {
                output_done(&output);
                return r;
        }
        *ret = output;
        return 0;
}

static int write_stream(const Output *output, const void *data, size_t size)
{
        if (output->kind == OUTPUT_STDOUT)
                return write_all(STDOUT_FILENO, data, size);

        _cleanup_(closep) int fd = open(output->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : write_all(fd, data, size);
}

static char *attempt_name(
        const Output *output, uint32_t index, uint64_t seed, unsigned attempt, const char *extension)
{
        _cleanup_(freep) char *name = NULL;
        char *path;

        if (output->kind == OUTPUT_FILE) {
                name = file_name(output, index);
                return name ? name_numbered(name, attempt > 1 ? attempt : 0) : NULL;
        }
        name = name_for_seed(output->words, seed, attempt, extension);
        size_t length = strlen(output->path);
        bool slashed = length > 0 && output->path[length - 1] == '/';
        return name && asprintf(&path, "%s%s%s", output->path, slashed ? "" : "/", name) >= 0 ? path : NULL;
}

static int write_file(
        const Output *output, uint32_t index, uint64_t seed, const Picture *picture, char **ret_path)
{
        bool replace = output->force && output->kind == OUTPUT_FILE;

        for (unsigned attempt = 1; attempt < ATTEMPTS_MAX; attempt++) {
                _cleanup_(freep) char *path = attempt_name(output, index, seed, attempt, picture->extension);
                if (!path)
                        return -ENOMEM;
                int r = replace ? file_replace(path, picture->data, picture->size)
                                : file_write_new(path, picture->data, picture->size);
                if (r == -EEXIST && !replace)
                        continue;
                if (r >= 0)
                        *ret_path = TAKE_PTR(path);
                return r;
        }
        return -EEXIST;
}

int output_write(
        const Output *output, uint32_t index, uint64_t seed, const Picture *picture, char **ret_path, Error *error)
{
        char *path = NULL;

        int r = output->kind == OUTPUT_STDOUT || output->kind == OUTPUT_DEVICE
                        ? write_stream(output, picture->data, picture->size)
                        : write_file(output, index, seed, picture, &path);
        if (r < 0)
                return error_set(error, r, _("cannot write to %s: %s"),
                                 output->kind == OUTPUT_STDOUT ? "stdout" : output->path, strerror(-r));
        if (output->kind == OUTPUT_DEVICE)
                path = strdup(output->path);
        *ret_path = path;
        return 0;
}

void output_done(Output *output)
{
        free(output->path);
        free(output->words);
        *output = (Output) { 0 };
}
