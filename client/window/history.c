/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>
#include <string.h>

#include "client/window/history.h"

struct History {
        char *path;
        GPtrArray *prompts;
};

static void load(History *h)
{
        g_autofree char *text = NULL;

        if (!g_file_get_contents(h->path, &text, NULL, NULL))
                return;
        g_auto(GStrv) lines = g_strsplit(text, "\n", HISTORY_MAX + 1);
        for (char **line = lines; *line && h->prompts->len < HISTORY_MAX; line++)
                if (**line && g_utf8_validate(*line, -1, NULL))
                        g_ptr_array_add(h->prompts, g_strdup(*line));
}

static void save(const History *h)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autofree char *folder = g_path_get_dirname(h->path);

        for (guint i = 0; i < h->prompts->len; i++)
                g_string_append_printf(text, "%s\n", history_get(h, i));
        (void)g_mkdir_with_parents(folder, 0700);
        (void)g_file_set_contents_full(h->path, text->str, (gssize)text->len, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}

History *history_new(void)
{
        History *h = g_new0(History, 1);

        h->path = g_build_filename(g_get_user_state_dir(), "imagine", "prompts", NULL);
        h->prompts = g_ptr_array_new_with_free_func(g_free);
        load(h);
        return h;
}

void history_free(History *h)
{
        g_free(h->path);
        g_ptr_array_unref(h->prompts);
        g_free(h);
}

guint history_length(const History *h)
{
        return h->prompts->len;
}

const char *history_get(const History *h, guint i)
{
        return g_ptr_array_index(h->prompts, i);
}

void history_add(History *h, const char *prompt)
{
        g_autofree char *line = g_strdelimit(g_strdup(prompt), "\r\n", ' ');
        guint at;

        if (line[0] == '\0')
                return;
        if (g_ptr_array_find_with_equal_func(h->prompts, line, g_str_equal, &at))
                g_ptr_array_remove_index(h->prompts, at);
        g_ptr_array_insert(h->prompts, 0, g_steal_pointer(&line));
        if (h->prompts->len > HISTORY_MAX)
                g_ptr_array_set_size(h->prompts, HISTORY_MAX);
        save(h);
}

void history_clear(History *h)
{
        g_ptr_array_set_size(h->prompts, 0);
        (void)g_remove(h->path);
}
