/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What options.c (the table: what each option means), options-structures.c (those that are not one value), options-remote.c
 * (those of who is to draw), options-message.c and options-json.c (what holds them) share. */

#include "service/options.h"

typedef struct Option Option;

/* A value as it came, in the member that the option's type says. */
typedef union Value {
        uint32_t u;
        uint64_t t;
        double d;
        int b;
        const char *s;
        int h;
} Value;

struct Option {
        const char *name;
        char type;
        uint64_t low, high; /* of numbers */
        size_t offset; /* of plain numbers and switches, in Options; of descriptors, the Input */
        int (*set)(Options *options, const Option *option, const Value *value, Error *error);
        bool (*get)(const Options *options, Value *ret); /* false: left open. NULL: a plain number */
        /* In place of type, set and the value of get, for what is not one value: */
        const char *signature;
        int (*read)(sd_bus_message *message, Options *options, const Option *option, Error *error);
        int (*append)(sd_bus_message *message, const Options *options);
        json_t *(*to_json)(const Options *options);
};

extern const Option options_table[];
extern const size_t options_n;

/* For the table. The readers and writers are inside the variant. */
int options_read_loras(sd_bus_message *message, Options *options, const Option *option, Error *error);
int options_read_outpaint(sd_bus_message *message, Options *options, const Option *option, Error *error);
bool options_has_loras(const Options *options, Value *ret);
bool options_has_outpaint(const Options *options, Value *ret);
int options_append_loras(sd_bus_message *message, const Options *options);
int options_append_outpaint(sd_bus_message *message, const Options *options);
json_t *options_loras_to_json(const Options *options);
json_t *options_outpaint_to_json(const Options *options);

/* Whether an option is given, and its value. plain: as request_init() left it. */
bool options_get(const Options *options, const Option *option, const Options *plain, Value *ret);

/* Likewise, of who is to draw (options-remote.c); what is sent to another instance is drawn there. */
int options_set_provider(Options *options, const Option *option, const Value *value, Error *error);
int options_set_purpose(Options *options, const Option *option, const Value *value, Error *error);
bool options_get_nothing(const Options *options, Value *ret);
