/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of imagined-engine. */

#include "base/request.h"
#include "engine/engine.h"

typedef struct MainOptions {
        int socket; /* -1: run as a command */
        const char *model_dir, *output;
        const char *from, *mask;
        unsigned threads;
        bool digest, verify, inspect, json, decode, lossless;
        uint32_t shrink; /* pixels of the longer side; 0: not asked for */
        PackFiles pack;
        Request request;
} MainOptions;

/* Sets what the words say, and leaves the rest. 1: go on; 0: all done; a negative errno after a message. */
int main_options_parse(MainOptions *o, int argc, char **argv);
