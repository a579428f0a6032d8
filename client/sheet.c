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

static void put_row(FILE *f, const SheetRow *row)
{
        (void)fputs("<tr><th scope=\"row\">", f);
        put_text(f, row->name);
        (void)fputs("</th><td>", f);
        put_text(f, *row->value ? row->value : "-");
        (void)fputs("</td></tr>\n", f);
}

void sheet_begin(FILE *f, const char *title)
{
        (void)fputs("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n<title>", f);
        put_text(f, title);
        (void)fputs("</title>\n<style>:root{color-scheme:light dark}body{font-family:sans-serif;margin:1.5em}h1{font-size:1.3em}"
                    "main{display:grid;grid-template-columns:repeat(auto-fill,minmax(18em,1fr));gap:1.5em}figure{margin:0}"
                    "img{display:block;width:100%;height:auto}.none{aspect-ratio:4/3;display:grid;place-items:center;border:1px dashed}"
                    "th{text-align:left;vertical-align:top;padding-right:1em;font-weight:normal;opacity:.7}"
                    "td{overflow-wrap:anywhere}</style></head>\n<body><h1>", f);
        put_text(f, title);
        (void)fputs("</h1>\n<main>\n", f);
}

static void put_picture(FILE *f, const char *alt, const Picture *picture)
{
        const char *type = streq(picture->extension, "jpg") ? "jpeg" : picture->extension;

        (void)fprintf(f, "<img width=\"%u\" height=\"%u\" alt=\"", picture->width, picture->height);
        put_text(f, alt);
        (void)fprintf(f, "\" src=\"data:image/%s;base64,", type);
        base64_put(picture->data, picture->size, f);
        (void)fputs("\">\n", f);
}

/* As large as a picture, so that the others stand beside it. */
static void put_no_picture(FILE *f)
{
        (void)fputs("<div class=\"none\">", f);
        put_text(f, _("no picture"));
        (void)fputs("</div>\n", f);
}

void sheet_add(FILE *f, const SheetEntry *entry)
{
        (void)fputs("<figure>\n", f);
        if (entry->picture)
                put_picture(f, entry->alt, entry->picture);
        else
                put_no_picture(f);
        (void)fputs("<figcaption><h2>", f);
        put_text(f, entry->name);
        (void)fputs("</h2>\n<table>\n", f);
        for (size_t i = 0; i < SHEET_ROWS_MAX && entry->rows[i].name; i++)
                put_row(f, &entry->rows[i]);
        (void)fputs("</table></figcaption></figure>\n", f);
}

void sheet_end(FILE *f)
{
        (void)fputs("</main></body></html>\n", f);
}
