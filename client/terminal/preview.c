/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#include "base/io.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/pixels.h"
#include "client/terminal/kitty.h"
#include "client/terminal/preview.h"
#include "client/terminal/query.h"
#include "client/terminal/sixel.h"

#define SIDE_MAX_PNG 4096U /* pixels of a picture that is decoded */
#define SIDE_MAX_SIXEL 1000U /* what is larger xterm does not show (maxGraphicSize) */
#define WIDTH_UNKNOWN 256U /* pixels of a terminal that does not say how many it has … */
#define CELL_WIDTH_UNKNOWN 8U /* … and of its cells */
#define CELL_HEIGHT_UNKNOWN 16U
#define ROWS_BESIDE 2U /* that stay for the bar and for what is told */

struct Preview {
        int fd; /* not ours */
        bool is_kitty;
        unsigned levels; /* of sixels */
        KittyPlace place; /* where the draft stands; no rows: there is none */
};

/* The pixels and cells that a picture gets. */
typedef struct Box {
        uint32_t width, height;
        unsigned columns, rows;
} Box;

static bool begins(const char *name, const char *start)
{
        const char *value = getenv(name);

        return value && strncmp(value, start, strlen(start)) == 0;
}

/* What the surroundings say, if they are not those of a terminal around ours. */
static bool is_kitty(void)
{
        if (begins("TERM", "screen") || begins("TERM", "tmux"))
                return false;
        return getenv("KITTY_WINDOW_ID") || begins("TERM", "xterm-kitty") || begins("TERM", "xterm-ghostty") ||
               begins("TERM_PROGRAM", "kitty") || begins("TERM_PROGRAM", "ghostty") || begins("TERM_PROGRAM", "WezTerm");
}

static unsigned levels_for(unsigned colours)
{
        unsigned levels = SIXEL_LEVELS_MAX;

        while (colours > 0 && levels > SIXEL_LEVELS_MIN && levels * levels * levels > colours)
                levels--;
        return levels;
}

static int choose(Preview *p, const char *how, Error *error)
{
        TerminalAnswer answer = { 0 };
        const bool is_auto = streq(how, "auto");

        p->is_kitty = streq(how, "kitty") || (is_auto && is_kitty());
        if (p->is_kitty)
                return 0;
        int r = begins("TERM", "dumb") ? -EOPNOTSUPP : terminal_query(&answer);
        if (is_auto && (r < 0 || !answer.has_sixel))
                return error_set(error, -EOPNOTSUPP, "%s",
                                 r == -EBUSY ? _("no preview: the terminal cannot be asked from the background")
                                             : _("no preview: the terminal says of no way to show pictures"));
        p->levels = levels_for(answer.colours);
        return 0;
}

int preview_new(const char *how, Preview **ret, Error *error)
{
        Preview p = { .fd = isatty(STDERR_FILENO) ? STDERR_FILENO : STDOUT_FILENO };

        if (!isatty(p.fd))
                return error_set(error, -ENOTTY, "%s", _("no preview: there is no terminal"));
        int r = choose(&p, how, error);
        if (r < 0)
                return r;
        /* Not that of a picture that an earlier run has left on the screen. */
        if (getrandom(&p.place.id, sizeof(p.place.id), 0) < 0)
                p.place.id = (uint32_t)getpid();
        p.place.id = (p.place.id & 0x3fffffff) + 1;
        Preview *preview = malloc(sizeof(*preview));
        if (!preview)
                return error_set(error, -ENOMEM, "%s", strerror(ENOMEM));
        *preview = p;
        *ret = preview;
        return 0;
}

Preview *preview_free(Preview *p)
{
        free(p);
        return NULL;
}

bool preview_takes_drafts(const Preview *p)
{
        return p && p->is_kitty;
}

/* As large as it is, or as the terminal lets it be. */
static Box fit(const Preview *p, uint32_t width, uint32_t height)
{
        struct winsize size = { 0 };

        (void)ioctl(p->fd, TIOCGWINSZ, &size);
        const unsigned columns = size.ws_col ? size.ws_col : 80, rows = size.ws_row ? size.ws_row : 24;
        const unsigned cell_width = MAX(size.ws_xpixel ? size.ws_xpixel / columns : CELL_WIDTH_UNKNOWN, 1U);
        const unsigned cell_height = MAX(size.ws_ypixel ? size.ws_ypixel / rows : CELL_HEIGHT_UNKNOWN, 1U);
        double most_width = cell_width * columns, most_height = cell_height * (rows > ROWS_BESIDE ? rows - ROWS_BESIDE : 1);

        if (!size.ws_xpixel)
                most_width = MIN(most_width, (double)WIDTH_UNKNOWN);
        if (!p->is_kitty) {
                most_width = MIN(most_width, (double)SIDE_MAX_SIXEL);
                most_height = MIN(most_height, (double)SIDE_MAX_SIXEL);
        }
        const double scale = MIN(1.0, MIN(most_width / width, most_height / height));
        Box box = { .width = MAX((uint32_t)(width * scale), 1U), .height = MAX((uint32_t)(height * scale), 1U) };
        box.columns = (box.width + cell_width - 1) / cell_width;
        box.rows = (box.height + cell_height - 1) / cell_height;
        return box;
}

static void move(FILE *f, unsigned rows, char direction)
{
        (void)fprintf(f, "\r\033[%u%c", rows, direction);
}

/* Into the cells above the cursor, after they were made or taken over from the draft; the cursor ends where it was. */
static int show_kitty(Preview *p, const Picture *png, uint32_t width, uint32_t height)
{
        const Box box = fit(p, width, height);
        const bool stands = p->place.columns == box.columns && p->place.rows == box.rows;
        _cleanup_(freep) char *sequence = NULL, *text = NULL;
        size_t n = 0, size = 0;

        p->place = (KittyPlace) { p->place.id, box.columns, box.rows };
        int r = kitty_encode(png, &p->place, &sequence, &n);
        FILE *f = r < 0 ? NULL : open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        for (unsigned i = 0; !stands && i < box.rows; i++)
                (void)fputc('\n', f);
        move(f, box.rows, 'A');
        (void)fwrite(sequence, 1, n, f);
        move(f, box.rows, 'B');
        return fclose(f) == EOF ? -ENOMEM : write_all(p->fd, text, size);
}

static int show_sixel(const Preview *p, const Picture *png)
{
        _cleanup_(pixels_done) Pixels pixels = { 0 }, shrunk = { 0 };
        _cleanup_(freep) char *sequence = NULL;
        size_t size = 0;

        int r = pixels_from_png(png, SIDE_MAX_PNG, &pixels);
        if (r < 0)
                return r;
        const Box box = fit(p, pixels.width, pixels.height);
        r = pixels_shrink(&pixels, box.width, box.height, &shrunk);
        if (r >= 0)
                r = sixel_encode(&shrunk, p->levels, &sequence, &size);
        if (r >= 0)
                r = write_all(p->fd, sequence, size);
        return r < 0 ? r : write_all(p->fd, "\n", 1);
}

void preview_draft(Preview *p, const Picture *draft, uint32_t width, uint32_t height)
{
        const bool is_known = width > 0 && height > 0;

        if (preview_takes_drafts(p) && streq(draft->extension, "png"))
                (void)show_kitty(p, draft, is_known ? width : draft->width, is_known ? height : draft->height);
}

int preview_picture(Preview *p, const Picture *picture)
{
        if (!p)
                return 0;
        if (!streq(picture->extension, "png"))
                return -EOPNOTSUPP;
        if (!p->is_kitty)
                return show_sixel(p, picture);
        int r = show_kitty(p, picture, picture->width, picture->height);
        p->place = (KittyPlace) { .id = p->place.id + 1 }; /* this one stays */
        return r;
}

void preview_forget(Preview *p)
{
        if (!p || p->place.rows == 0)
                return;
        p->place.columns = p->place.rows = 0;
        /* Ctrl-C has the kernel drop what the terminal has not read: it may be waiting for the end of a picture. */
        (void)write_all(p->fd, "\033\\", 2);
}
