/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "base/util.h"
#include "net/compose.h"

static int conclude(int r, Error *error)
{
        return r < 0 ? error_set(error, r, "The request cannot be written: %s", strerror(-r)) : 1;
}

int compose_json(HttpRequest *request, const char *url, const char *path, const json_t *body, Error *error)
{
        _cleanup_(freep) char *text = body ? json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;

        request->method = "POST";
        request->body.max = NET_REQUEST_MAX;
        int r = text ? bytes_add_text(&request->body, text) : -ENOMEM;
        if (r >= 0)
                r = http_request_url(request, url, path);
        if (r >= 0)
                r = http_request_header(request, "Content-Type: application/json");
        return conclude(r, error);
}

int compose_plain(HttpRequest *request, const char *method, const char *url, const char *path, Error *error)
{
        request->method = method;
        return conclude(http_request_url(request, url, path), error);
}

int compose_link(HttpRequest *request, const char *link, Error *error)
{
        request->is_link = true;
        return compose_plain(request, "GET", link, "", error);
}

static int set(json_t *body, const char *name, json_t *value)
{
        return json_object_set_new(body, name, value) < 0 ? -ENOMEM : 0;
}

int compose_part(json_t *body, const char *name, const Bytes *part)
{
        return part->size > 0 ? set(body, name, json_stringn(part->data, part->size)) : 0;
}

int compose_text(json_t *body, const char *name, const char *text)
{
        return text[0] ? set(body, name, json_string(text)) : 0;
}

int compose_number(json_t *body, const char *name, double number)
{
        if (number < 0)
                return 0;
        bool is_whole = number < 1e15 && number == (double)(int64_t)number;
        return set(body, name, is_whole ? json_integer((json_int_t)number) : json_real(number));
}

int compose_seed(json_t *body, const char *name, uint64_t seed)
{
        return set(body, name, json_integer((json_int_t)(seed & INT64_MAX)));
}

int compose_query(Bytes *query, const char *name, const char *value)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
        int r = bytes_add_text(query, name);

        if (r >= 0)
                r = bytes_add_text(query, "=");
        for (const char *p = value ? value : ""; *p && r >= 0; p++) {
                char coded[4];

                (void)snprintf(coded, sizeof(coded), strchr(plain, *p) ? "%c" : "%%%02X", (unsigned char)*p);
                r = bytes_add_text(query, coded);
        }
        return r < 0 ? r : bytes_add_text(query, "&");
}

json_t *compose_base64(const Bytes *picture, const char *start)
{
        const size_t n = strlen(start);
        _cleanup_(freep) char *text = malloc(n + (picture->size + 2) / 3 * 4 + 1);

        if (!text)
                return NULL;
        (void)snprintf(text, n + 1, "%s", start);
        (void)EVP_EncodeBlock((uint8_t *)text + n, (const uint8_t *)picture->data, (int)picture->size);
        return json_string(text);
}

static const char *type_of(const Bytes *picture)
{
        return picture->size > 1 && picture->data[0] == '\xff' ? "image/jpeg" : "image/png";
}

json_t *compose_data_url(const Bytes *picture)
{
        char start[64];

        (void)snprintf(start, sizeof(start), "data:%s;base64,", type_of(picture));
        return compose_base64(picture, start);
}

Form form_begin(HttpRequest *request, const char *url, const char *path)
{
        Form form = { .request = request };
        uint64_t random[2] = {};

        /* That nobody who writes a prompt can guess. */
        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                form.result = -EIO;
        (void)snprintf(form.boundary, sizeof(form.boundary), "----imagined%016lx%016lx", random[0], random[1]);
        request->method = "POST";
        request->body.max = NET_REQUEST_MAX;
        if (form.result >= 0)
                form.result = http_request_url(request, url, path);
        return form;
}

static void add(Form *form, const void *data, size_t size)
{
        if (form->result >= 0)
                form->result = bytes_add(&form->request->body, data, size);
}

static void add_text(Form *form, const char *text)
{
        add(form, text, strlen(text));
}

static void add_field(Form *form, const char *name, const char *more, const void *data, size_t size)
{
        char head[256];

        (void)snprintf(head, sizeof(head), "--%s\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n", form->boundary, name, more);
        add_text(form, head);
        add(form, data, size);
        add_text(form, "\r\n");
}

void form_add(Form *form, const char *name, const void *data, size_t size)
{
        add_field(form, name, "", data, size);
}

void form_add_text(Form *form, const char *name, const char *text)
{
        if (text[0])
                form_add(form, name, text, strlen(text));
}

void form_add_part(Form *form, const char *name, const Bytes *part)
{
        if (part->size > 0)
                form_add(form, name, part->data, part->size);
}

void form_add_number(Form *form, const char *name, double number)
{
        char text[32];

        if (number < 0)
                return;
        (void)snprintf(text, sizeof(text), "%.15g", number);
        form_add_text(form, name, text);
}

void form_add_file(Form *form, const char *name, const Bytes *picture)
{
        const char *type = type_of(picture);
        char more[128];

        (void)snprintf(more, sizeof(more), "; filename=\"%s.%s\"\r\nContent-Type: %s", name, strrchr(type, '/') + 1, type);
        add_field(form, name, more, picture->data, picture->size);
}

int form_send(Form *form, Error *error)
{
        char line[128];

        (void)snprintf(line, sizeof(line), "--%s--\r\n", form->boundary);
        add_text(form, line);
        (void)snprintf(line, sizeof(line), "Content-Type: multipart/form-data; boundary=%s", form->boundary);
        if (form->result >= 0)
                form->result = http_request_header(form->request, line);
        return conclude(form->result, error);
}
