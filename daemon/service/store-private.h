/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What store.c (what is put there) and store-restore.c (what a new process makes of it) share. */

#include "queue/users.h"
#include "service/store.h"
#include "workers/protocol.h"

#define STORE_NAME_SIZE 64
#define STORE_MAGIC "IMGJOB01" /* the terminator does not count */

/* A job as it lies in its memfd. Read by the same version only, and checked even so. */
typedef struct Record {
        char magic[8], version[16];
        uint32_t protocol; /* PROTOCOL_VERSION: it is made of the same structs */
        uint32_t uid, id, state, deaths, n_pictures, dropped;
        uint64_t input_sizes[INPUT_MAX]; /* 0: none, or not needed any more */
        uint64_t serial, created, ended;
        double progress;
        Resolved resolved;
        JobPolicy policy;
        Error error;
        char app[APP_NAME_MAX + 1], caller[APP_NAME_MAX + 1];
        Request request; /* without the prompts once the job has ended */
        Picture pictures[REQUEST_COUNT_MAX]; /* their descriptors mean nothing */
} Record;

/* Under which a descriptor lies there. */
void store_job_name(const Job *job, char ret[static STORE_NAME_SIZE]);
void store_picture_name(const Job *job, uint32_t index, char ret[static STORE_NAME_SIZE]);
void store_input_name(const Job *job, uint32_t input, char ret[static STORE_NAME_SIZE]);

void store_take_out(const char *name);
