/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/tree.h"
#include "base/util.h"

static int64_t nanoseconds(struct timespec t)
{
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int add(Tree *tree, const char *prefix, const char *name, const struct stat *st)
{
        if (tree->n >= TREE_FILES_MAX)
                return -E2BIG;
        TreeFile *files = reallocarray(tree->files, tree->n + 1, sizeof(*files));
        if (!files)
                return -ENOMEM;
        tree->files = files;

        char *path;
        if (asprintf(&path, "%s%s", prefix, name) < 0)
                return -ENOMEM;
        files[tree->n++] = (TreeFile) {
                .path = path,
                .device = st->st_dev,
                .inode = st->st_ino,
                .size = (uint64_t)st->st_size,
                .modified = nanoseconds(st->st_mtim),
                .changed = nanoseconds(st->st_ctim),
        };
        tree->size += (uint64_t)st->st_size;
        tree->changed = MAX(tree->changed, nanoseconds(st->st_ctim));
        return 0;
}

static int walk(Tree *tree, int parent, const char *name, const char *prefix, unsigned depth);

static int take(Tree *tree, int directory, const char *name, const char *prefix, unsigned depth)
{
        _cleanup_(freep) char *below = NULL;
        struct stat st;

        if (fstatat(directory, name, &st, 0) < 0)
                return errno == ENOENT ? 0 : -errno; /* gone, or a link to nothing */
        if (S_ISREG(st.st_mode))
                return add(tree, prefix, name, &st);
        if (!S_ISDIR(st.st_mode) || depth + 1 >= TREE_DEPTH_MAX)
                return 0;
        if (asprintf(&below, "%s%s/", prefix, name) < 0) {
                below = NULL;
                return -ENOMEM;
        }
        return walk(tree, directory, name, below, depth + 1);
}

static int walk(Tree *tree, int parent, const char *name, const char *prefix, unsigned depth)
{
        _cleanup_(closep) int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        _cleanup_(closedirp) DIR *dir = fdopendir(fd);
        if (!dir)
                return -errno;
        (void)TAKE_FD(fd);

        struct dirent *entry;
        int r = 0;
        while (r >= 0 && (entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        r = take(tree, dirfd(dir), entry->d_name, prefix, depth);
        return r;
}

static int compare(const void *a, const void *b)
{
        return strcmp(((const TreeFile *)a)->path, ((const TreeFile *)b)->path);
}

/* What lies beside a model of one file for it: NAME.json and NAME.vae.safetensors. */
static int add_beside(Tree *tree, const char *path, const char *name)
{
        static const char *const ends[] = { ".json", ".vae.safetensors" };
        const char *dot = strrchr(name, '.');
        const int stem = dot ? (int)(dot - name) : (int)strlen(name);
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(ends) && r >= 0; i++) {
                _cleanup_(freep) char *beside = NULL;
                struct stat st;

                if (asprintf(&beside, "%.*s%s", (int)(name - path) + stem, path, ends[i]) < 0) {
                        beside = NULL;
                        return -ENOMEM;
                }
                if (stat(beside, &st) >= 0 && S_ISREG(st.st_mode))
                        r = add(tree, "", beside + (name - path), &st);
        }
        return r;
}

int tree_read(Tree *ret, const char *path)
{
        _cleanup_(tree_done) Tree tree = {};
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                return -errno;
        if (S_ISREG(st.st_mode)) {
                const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
                tree.is_file = true;
                r = add(&tree, "", name, &st);
                if (r >= 0)
                        r = add_beside(&tree, path, name);
        } else {
                r = walk(&tree, AT_FDCWD, path, "", 0);
        }
        if (r < 0)
                return r;
        if (tree.n > 0)
                qsort(tree.files, tree.n, sizeof(*tree.files), compare);
        *ret = tree;
        tree = (Tree) {};
        return 0;
}

void tree_done(Tree *tree)
{
        for (size_t i = 0; i < tree->n; i++)
                free(tree->files[i].path);
        free(tree->files);
        *tree = (Tree) {};
}

/* A path without spaces, control characters, and bytes above 126. */
static void write_escaped(FILE *f, const char *path)
{
        for (const unsigned char *p = (const unsigned char *)path; *p; p++)
                if (*p > ' ' && *p < 127 && *p != '%')
                        (void)fputc(*p, f);
                else
                        (void)fprintf(f, "%%%02X", *p);
}

int tree_identity(const Tree *tree, char **ret)
{
        char *text = NULL;
        size_t size;

        FILE *f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < tree->n; i++) {
                const TreeFile *file = &tree->files[i];
                (void)fprintf(f, "%" PRIx64 ":%" PRIx64 " %" PRIu64 " %" PRId64 " %" PRId64 " ", file->device,
                              file->inode, file->size, file->modified, file->changed);
                write_escaped(f, file->path);
                (void)fputc('\n', f);
        }
        bool failed = ferror(f) != 0;
        if (fclose(f) != 0 || failed) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}
