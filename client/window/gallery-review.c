/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/i18n.h"
#include "client/review/alt.h"
#include "client/review/legibility.h"
#include "client/window/gallery-private.h"

/* What somebody says to have looked at. */
static const struct {
        const char *what, *label;
} checks[GALLERY_CHECKS] = {
        { "licence", N_("I have looked at its _licence") },
        { "legibility", N_("I have looked at it s_mall") },
};

/* --- showing --- */

void gallery_review_show_texture(Gallery *g, GdkTexture *texture)
{
        for (size_t i = 0; i < LEGIBILITY_N; i++)
                gtk_image_set_from_paintable(g->small[i], GDK_PAINTABLE(texture));
}

static const char *lack_text(const char *name)
{
        return streq(name, "alt-text")  ? _("an alternative text")
               : streq(name, "licence") ? _("somebody who has looked at its licence")
                                        : _("somebody who has looked at it small");
}

/* What the policy asks for before it can be approved; "" if that is all there. */
static char *lacks_text(const Gallery *g)
{
        const char *lacks[SUBJECT_LACKS_MAX];
        g_autoptr(GString) text = g_string_new(NULL);

        subject_lacks(&g->subject, lacks);
        for (size_t i = 0; lacks[i]; i++)
                g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", lack_text(lacks[i]));
        return lacks[0] ? g_strdup_printf(_("Before it is approved it needs %s."), text->str) : g_strdup("");
}

void gallery_review_refresh(Gallery *g)
{
        g_autofree char *state = g_strdup_printf(_("State: %s"), gallery_state_name(subject_text(&g->subject, "state"))),
                        *lacks = lacks_text(g);
        const char *alt = subject_text(&g->subject, "alt");
        _cleanup_(freep) char *proposed = *alt ? NULL : alt_suggest(g->subject.record);

        gtk_label_set_text(g->state_now, state);
        gtk_label_set_text(g->lacks, lacks);
        gtk_widget_set_visible(GTK_WIDGET(g->lacks), *lacks != '\0');
        widget_show_text(g->alt, proposed ? proposed : alt);
        for (size_t i = 0; i < GALLERY_CHECKS; i++) {
                const bool is_checked = subject_is_checked(&g->subject, checks[i].what);
                gtk_check_button_set_active(g->checks[i], is_checked);
                gtk_widget_set_sensitive(GTK_WIDGET(g->checks[i]), !is_checked); /* what was seen stays seen */
        }
}

void gallery_review_clear(Gallery *g)
{
        gtk_editable_set_text(g->comment, "");
}

/* --- doing --- */

/* What stands in the form, before it gets its state: as the options of `imagine approve`. What was proposed may be nobody's word. */
static ExitCode take_form(Gallery *g, bool takes_proposal)
{
        const bool is_alt_meant = takes_proposal || widget_is_edited(g->alt);
        g_autofree char *alt = g_strdup(gtk_editable_get_text(g->alt));
        bool is_checked[GALLERY_CHECKS];
        ExitCode code = CODE_OK;

        for (size_t i = 0; i < GALLERY_CHECKS; i++)
                is_checked[i] = gtk_check_button_get_active(g->checks[i]);
        if (is_alt_meant && !streq(alt, subject_text(&g->subject, "alt")))
                code = subject_set_alt(&g->client, &g->subject, alt);
        for (size_t i = 0; code == CODE_OK && i < GALLERY_CHECKS; i++)
                if (is_checked[i] && !subject_is_checked(&g->subject, checks[i].what))
                        code = subject_check(&g->client, &g->subject, checks[i].what);
        return code;
}

ExitCode gallery_review_keep(Gallery *g)
{
        g_autofree char *comment = g_strdup(gtk_editable_get_text(g->comment));

        ExitCode code = take_form(g, false);
        if (code == CODE_OK && *comment)
                code = subject_comment(&g->client, &g->subject, comment, NULL);
        if (code == CODE_OK)
                gallery_review_clear(g);
        return code;
}

/* state: NULL for what stands in the form alone. */
static void review(Gallery *g, const char *state)
{
        g_autofree char *comment = g_strdup(gtk_editable_get_text(g->comment)), *lacks = NULL;

        ExitCode code = gallery_deeds_keep(g);
        if (code == CODE_OK) /* what was proposed is nobody's word where the picture is turned down */
                code = take_form(g, !state || streq(state, "approved"));
        if (code == CODE_OK && state && streq(state, "approved"))
                lacks = lacks_text(g);
        const bool is_refused = lacks && *lacks;
        if (code == CODE_OK && !is_refused && (state || *comment))
                code = subject_comment(&g->client, &g->subject, comment, state);
        if (code == CODE_OK && !is_refused) {
                gallery_review_clear(g);
                gallery_picture_changed(g);
                gallery_say(g, state ? gallery_state_name(state) : _("Saved"));
                return;
        }
        if (!is_refused) {
                gallery_say_failure(g); /* what was written stays */
                return;
        }
        gallery_picture_refresh(g);
        gallery_say(g, lacks);
}

static void on_button(GtkButton *button, Gallery *g)
{
        review(g, g_object_get_data(G_OBJECT(button), "state"));
}

static void on_enter(GtkEntry *entry, Gallery *g)
{
        (void)entry;
        review(g, NULL);
}

/* --- widgets --- */

static GtkEditable *entry_new(Gallery *g, GtkWidget *grid, int row, const char *label)
{
        GtkWidget *entry = gtk_entry_new();

        gtk_widget_set_tooltip_text(entry, _("Enter saves it"));
        widget_attach(grid, row, label, entry);
        g_signal_connect(entry, "activate", G_CALLBACK(on_enter), g);
        return GTK_EDITABLE(entry);
}

static GtkWidget *small_new(Gallery *g)
{
        static const int sides[] = { LEGIBILITY_SIDES };
        GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);

        for (size_t i = 0; i < LEGIBILITY_N; i++) {
                GtkWidget *image = gtk_image_new();
                g_autofree char *name = g_strdup_printf(_("The picture at %d pixels"), sides[i]);
                g->small[i] = GTK_IMAGE(image);
                gtk_image_set_pixel_size(g->small[i], sides[i]);
                widget_set_name(image, name);
                gtk_box_append(GTK_BOX(row), image);
        }
        return row;
}

static GtkWidget *buttons_new(Gallery *g)
{
        static const struct {
                const char *label, *state;
        } buttons[] = {
                { N_("_Approve"), "approved" },
                { N_("Re_ject"), "rejected" },
                { N_("Retir_e"), "retired" },
                { N_("Save"), NULL },
        };
        GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);

        for (size_t i = 0; i < ELEMENTSOF(buttons); i++) {
                GtkWidget *button = widget_new_button(_(buttons[i].label), NULL, NULL);
                g_object_set_data(G_OBJECT(button), "state", (char *)(uintptr_t)buttons[i].state);
                g_signal_connect(button, "clicked", G_CALLBACK(on_button), g);
                gtk_box_append(GTK_BOX(row), button);
        }
        gtk_widget_add_css_class(gtk_widget_get_first_child(row), "suggested-action");
        return row;
}

GtkWidget *gallery_review_new(Gallery *g)
{
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6), *grid = gtk_grid_new(), *state = gtk_label_new(""), *lacks = gtk_label_new("");

        g->state_now = GTK_LABEL(state);
        g->lacks = GTK_LABEL(lacks);
        gtk_label_set_xalign(g->state_now, 0);
        gtk_label_set_xalign(g->lacks, 0);
        gtk_label_set_wrap(g->lacks, TRUE);
        gtk_widget_add_css_class(state, "heading");
        gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
        gtk_grid_set_row_spacing(GTK_GRID(grid), 6);
        g->alt = entry_new(g, grid, 0, _("Al_ternative text"));
        g->comment = entry_new(g, grid, 1, _("_Comment"));
        gtk_box_append(GTK_BOX(box), state);
        gtk_box_append(GTK_BOX(box), grid);
        gtk_box_append(GTK_BOX(box), small_new(g));
        for (size_t i = 0; i < GALLERY_CHECKS; i++) {
                GtkWidget *check = widget_new_check(_(checks[i].label));
                g->checks[i] = GTK_CHECK_BUTTON(check);
                gtk_box_append(GTK_BOX(box), check);
        }
        gtk_box_append(GTK_BOX(box), lacks);
        gtk_box_append(GTK_BOX(box), buttons_new(g));
        return box;
}
