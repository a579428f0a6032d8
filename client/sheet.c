/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base64.h"
#include "base/util.h"
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
        (void)fputs("</title>\n<style>body{font-family:sans-serif;margin:1.5em}main{display:flex;flex-wrap:wrap;gap:1.5em}"
                    "figure{margin:0;max-width:24em}img{width:100%;height:auto}th{text-align:left;vertical-align:top;padding-right:1em;"
                    "font-weight:normal;color:#555}</style></head>\n<body><h1>", f);
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

void sheet_add(FILE *f, const SheetEntry *entry)
{
        (void)fputs("<figure>\n", f);
        if (entry->picture)
                put_picture(f, entry->alt, entry->picture);
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
