/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/shrink.h"
#include "client/window/thumbnails.h"

#define AT_ONCE 2
#define BYTES_MAX (4 * 1024 * 1024) /* of a thumbnail's file */
#define FAILED "fail/imagined-" VERSION

static const struct {
        const char *folder;
        int side;
} sizes[THUMBNAIL_SIZE_MAX] = {
        [THUMBNAIL_LARGE] = { "large", 256 },
        [THUMBNAIL_X_LARGE] = { "x-large", 512 },
};

struct Thumbnails {
        GThreadPool *pool; /* of GTask */
};

/* What is wanted, and what the standard calls it. */
typedef struct Wanted {
        char *path, *uri, *name; /* name: of the file in each folder */
        ThumbnailSize size;
        char mtime[32]; /* of the picture, in seconds */
} Wanted;

static void wanted_free(gpointer data)
{
        Wanted *wanted = data;

        g_free(wanted->path);
        g_free(wanted->uri);
        g_free(wanted->name);
        g_free(wanted);
}

static char *name_of(const char *uri)
{
        g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_MD5, uri, -1);

        return g_strconcat(digest, ".png", NULL);
}

static char *file_in(const char *folder, const char *name)
{
        return g_build_filename(g_get_user_cache_dir(), "thumbnails", folder, name, NULL);
}

/* --- pixels --- */

/* Larger ones are no thumbnails; a size of 0 has the loader refuse them before it allocates anything. */
static void on_size(GdkPixbufLoader *loader, int width, int height, gpointer side)
{
        if (MAX(width, height) > GPOINTER_TO_INT(side))
                gdk_pixbuf_loader_set_size(loader, 0, 0);
}

/* NULL if it is none of that type and size. */
static GdkPixbuf *decode(const char *type, const void *data, size_t size, int side)
{
        g_autoptr(GdkPixbufLoader) loader = gdk_pixbuf_loader_new_with_type(type, NULL);
        if (!loader)
                return NULL;

        g_signal_connect(loader, "size-prepared", G_CALLBACK(on_size), GINT_TO_POINTER(side));
        const bool is_read = gdk_pixbuf_loader_write(loader, data, size, NULL);
        const bool is_whole = gdk_pixbuf_loader_close(loader, NULL);
        GdkPixbuf *pixbuf = is_read && is_whole ? gdk_pixbuf_loader_get_pixbuf(loader) : NULL;
        return pixbuf ? g_object_ref(pixbuf) : NULL;
}

/* --- the cache --- */

/* The thumbnail in that folder, if it is of this picture as it is now. */
static GdkPixbuf *find(const Wanted *wanted, const char *folder, int side)
{
        g_autofree char *path = file_in(folder, wanted->name), *data = NULL;
        struct stat st;
        gsize size;

        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > BYTES_MAX || !g_file_get_contents(path, &data, &size, NULL))
                return NULL;
        g_autoptr(GdkPixbuf) pixbuf = decode("png", data, size, side);
        if (!pixbuf || g_strcmp0(gdk_pixbuf_get_option(pixbuf, "tEXt::Thumb::URI"), wanted->uri) != 0 ||
            g_strcmp0(gdk_pixbuf_get_option(pixbuf, "tEXt::Thumb::MTime"), wanted->mtime) != 0)
                return NULL;
        return g_steal_pointer(&pixbuf);
}

/* What cannot be kept is made again the next time. */
static void keep(const Wanted *wanted, const char *folder, GdkPixbuf *pixbuf)
{
        g_autofree char *path = file_in(folder, wanted->name), *directory = g_path_get_dirname(path), *data = NULL;
        gsize size;

        if (g_mkdir_with_parents(directory, 0700) == 0 &&
            gdk_pixbuf_save_to_buffer(pixbuf, &data, &size, "png", NULL, "tEXt::Thumb::URI", wanted->uri, "tEXt::Thumb::MTime",
                                      wanted->mtime, "tEXt::Software", "imagined", NULL))
                (void)g_file_set_contents_full(path, data, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}

/* A picture that cannot be read is noted, so that nobody tries again before it changes. */
static void keep_failure(const Wanted *wanted)
{
        g_autoptr(GdkPixbuf) pixbuf = gdk_pixbuf_new(GDK_COLORSPACE_RGB, TRUE, 8, 1, 1);

        gdk_pixbuf_fill(pixbuf, 0);
        keep(wanted, FAILED, pixbuf);
}

/* --- one thumbnail, in a thread --- */

static GdkPixbuf *read_made(int fd, int side)
{
        struct stat st;

        void *data = fstat(fd, &st) >= 0 && st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
        if (data == MAP_FAILED)
                return NULL;
        GdkPixbuf *pixbuf = decode("jpeg", data, (size_t)st.st_size, side);
        (void)munmap(data, (size_t)st.st_size);
        return pixbuf;
}

static GdkPixbuf *make(const Wanted *wanted, int picture, GError **error)
{
        const int side = sizes[wanted->size].side;
        _cleanup_(closep) int made = -1;

        int r = shrink_picture(picture, (unsigned)side, &made);
        GdkPixbuf *pixbuf = r < 0 ? NULL : read_made(made, side);
        if (pixbuf)
                keep(wanted, sizes[wanted->size].folder, pixbuf);
        else if (r == -EBADMSG)
                keep_failure(wanted);
        if (!pixbuf)
                g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s",
                            r == -EBADMSG || r >= 0 ? _("The file is no picture that can be read") : strerror(-r));
        return pixbuf;
}

static GdkPixbuf *get(Wanted *wanted, GError **error)
{
        _cleanup_(closep) int picture = open(wanted->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (picture < 0 || fstat(picture, &st) < 0) {
                const int code = errno;
                g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), _("The file cannot be read: %s"), strerror(code));
                return NULL;
        }
        (void)g_snprintf(wanted->mtime, sizeof(wanted->mtime), "%lld", (long long)st.st_mtime);
        GdkPixbuf *pixbuf = find(wanted, sizes[wanted->size].folder, sizes[wanted->size].side);
        g_autoptr(GdkPixbuf) failure = pixbuf ? NULL : find(wanted, FAILED, 1);
        if (pixbuf)
                return pixbuf;
        if (S_ISREG(st.st_mode) && !failure)
                return make(wanted, picture, error);
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _("The file is no picture that can be read"));
        return NULL;
}

static void work(gpointer data, gpointer userdata)
{
        g_autoptr(GTask) task = data;
        GError *error = NULL;

        (void)userdata;
        if (g_task_return_error_if_cancelled(task))
                return;
        g_autoptr(GdkPixbuf) pixbuf = get(g_task_get_task_data(task), &error);
        if (pixbuf)
                g_task_return_pointer(task, gdk_texture_new_for_pixbuf(pixbuf), g_object_unref);
        else
                g_task_return_error(task, error);
}

/* --- what others call --- */

Thumbnails *thumbnails_new(void)
{
        Thumbnails *thumbnails = g_new0(Thumbnails, 1);

        thumbnails->pool = g_thread_pool_new_full(work, NULL, g_object_unref, AT_ONCE, FALSE, NULL);
        return thumbnails;
}

void thumbnails_free(Thumbnails *thumbnails)
{
        g_thread_pool_free(thumbnails->pool, TRUE, FALSE);
        g_free(thumbnails);
}

void thumbnails_load(
        Thumbnails *thumbnails, const char *path, ThumbnailSize size, GCancellable *cancellable, GAsyncReadyCallback done,
        gpointer userdata)
{
        GTask *task = g_task_new(NULL, cancellable, done, userdata);
        Wanted *wanted = g_new0(Wanted, 1);

        wanted->path = g_strdup(path);
        wanted->uri = g_filename_to_uri(path, NULL, NULL);
        wanted->name = name_of(wanted->uri);
        wanted->size = size;
        g_task_set_task_data(task, wanted, wanted_free);
        (void)g_thread_pool_push(thumbnails->pool, task, NULL);
}

GdkTexture *thumbnails_load_finish(GAsyncResult *result, GError **error)
{
        return g_task_propagate_pointer(G_TASK(result), error);
}
