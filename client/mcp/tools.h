/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tools that an assistant can call. A new one is a file tool-NAME.c and a line in the table (tools.c). Calls go on side
 * by side: a tool begins its work and returns, and the call ends later, with call_end() or call_fail().
 *
 *     static void run(Call *call, json_t *arguments)
 *     {
 *             if (…)
 *                     call_fail(call, "there is no picture of that name");
 *             else
 *                     call->state = begin(call->link, on_end, call);
 *     }
 */

#include "client/mcp/shelf.h"
#include "client/order.h"

typedef struct Call Call;
typedef struct Server Server;

typedef struct Tool {
        const char *name, *title, *description;
        bool only_reads;
        bool asks_servers; /* beyond this machine, if its user wants that */
        json_t *(*schema)(void); /* of its arguments, a JSON Schema; NULL when memory is short */
        void (*run)(Call *call, json_t *arguments); /* an object, which lives as long as the call */
        void (*stop)(Call *call); /* releases call->state; nothing comes of the call any more; may be NULL */
} Tool;

extern const Tool *const tool_table[];
extern const size_t n_tools;
extern const Tool tool_generate, tool_enhance, tool_models, tool_picture;

/* A call at work, and what belongs to it. */
struct Call {
        Server *server;
        Link *link;
        const Shelf *shelf;
        const Tool *tool;
        void *state; /* the tool's */
        json_t *content, *structured; /* what is answered with: an array, and an object or NULL */
        bool takes_links; /* versions before 2025-06-18 do not know them */
        /* the server's: */
        Call *next;
        json_t *id, *token, *arguments;
        bool is_modern;
        double progress;
};

/* Adds to what is answered with. */
void call_add_text(Call *call, const char *format, ...) _printf_(2, 3);
void call_add_long_text(Call *call, const char *text); /* of any length, as it is */
void call_add_link(Call *call, const char *name, const char *mime);
void call_add_image(Call *call, const char *base64, const char *mime);

/* Tells how far it is, 0 to 1, if that was asked for and is more than before. */
void call_progress(Call *call, double share, const char *format, ...) _printf_(3, 4);

/* Answers. The call is no more. */
void call_end(Call *call);
void call_fail(Call *call, const char *format, ...) _printf_(2, 3);

/* An argument that is an option of the command line, too, with its limits. */
typedef struct Argument {
        const char *name, *type;
        OptionId option;
        const char *description;
} Argument;

void arguments_add_schema(json_t *properties, const Argument *table, size_t n);

/* What is there of them; 0 or -EINVAL with a sentence. */
int arguments_read_options(json_t *arguments, const Argument *table, size_t n, Options *options, Error *error);

/* The argument count, 1 to max; 1 if absent. */
int arguments_read_count(json_t *arguments, unsigned max, Options *options, Error *error);

/* The schema of an object with these properties, which it takes over; required: a name, or NULL. */
json_t *schema_object(json_t *properties, const char *required);

/* The name of an argument that the schema does not have, or NULL. */
const char *arguments_find_unknown(json_t *arguments, json_t *schema);
