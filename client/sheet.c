/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base64.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/sheet.h"

/* Texts come from everywhere. */
static void put_text(FILE *f, const char *text)
{
        for (; *text; text++)
                switch (*text) {
                case '&':
                        (void)fputs("&amp;", f);
                        break;
                case '<':
                        (void)fputs("&lt;", f);
                        break;
                case '>':
                        (void)fputs("&gt;", f);
                        break;
                case '"':
                        (void)fputs("&quot;", f);
                        break;
                default:
                        (void)fputc(*text, f);
                }
}

static void put_row(FILE *f, const char *name, const char *value)
{
        (void)fputs("<tr><th scope=\"row\">", f);
        put_text(f, name);
        (void)fputs("</th><td>", f);
        put_text(f, *value ? value : "-");
        (void)fputs("</td></tr>\n", f);
}

void sheet_begin(FILE *f, const char *prompt)
{
        (void)fputs("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n<title>", f);
        put_text(f, prompt);
        (void)fputs("</title>\n<style>body{font-family:sans-serif;margin:1.5em}main{display:flex;flex-wrap:wrap;gap:1.5em}"
                    "figure{margin:0;max-width:24em}img{width:100%;height:auto}th{text-align:left;vertical-align:top;padding-right:1em;"
                    "font-weight:normal;color:#555}</style></head>\n<body><h1>", f);
        put_text(f, prompt);
        (void)fputs("</h1>\n<main>\n", f);
}

static void put_picture(FILE *f, const char *prompt, const Picture *picture)
{
        const char *type = streq(picture->extension, "jpg") ? "jpeg" : picture->extension;

        (void)fprintf(f, "<img width=\"%u\" height=\"%u\" alt=\"", picture->width, picture->height);
        put_text(f, prompt);
        (void)fprintf(f, "\" src=\"data:image/%s;base64,", type);
        base64_put(picture->data, picture->size, f);
        (void)fputs("\">\n", f);
}

void sheet_add(FILE *f, const char *prompt, const SheetEntry *entry)
{
        char text[64];

        (void)fputs("<figure>\n", f);
        if (entry->picture)
                put_picture(f, prompt, entry->picture);
        (void)fputs("<figcaption><h2>", f);
        put_text(f, entry->name);
        (void)fputs("</h2>\n<table>\n", f);
        if (!entry->picture) {
                put_row(f, _("Failed"), entry->failure);
        } else {
                (void)snprintf(text, sizeof(text), "%ux%u", entry->picture->width, entry->picture->height);
                put_row(f, _("Size"), text);
                (void)snprintf(text, sizeof(text), _("%.1f s"), entry->seconds);
                put_row(f, _("Time"), text);
                put_row(f, _("Cost"), entry->cost);
        }
        put_row(f, _("Model"), entry->model);
        put_row(f, _("Licence"), entry->licence);
        put_row(f, _("Terms"), entry->terms);
        put_row(f, _("Drawn"), entry->where);
        (void)fputs("</table></figcaption></figure>\n", f);
}

void sheet_end(FILE *f)
{
        (void)fputs("</main></body></html>\n", f);
}
