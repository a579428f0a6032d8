/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this folder share: forward.c (the connection), models.c (its models), errand*.c (jobs that were sent),
 * relay.c (calls that are passed on). */

#include "service/backoff.h"
#include "service/forward/forward.h"
#include "service/snapshot.h"

/* A job that was sent. */
typedef struct Errand {
        Forward *forward;
        uint64_t serial;
        Request *request; /* with the pictures only that are still to be made */
        JobPolicy policy;
        int inputs[INPUT_MAX]; /* descriptors of pictures to start from; -1: none */
        char *path; /* of its object there; NULL: not yet */
        bool is_orphaned; /* the instance that had it is gone */
        bool can_stay; /* there is somebody else who can do it */
        bool has_started; /* told so */
        bool shall_cancel, wants_preview;
        uint32_t first; /* pictures that were there before */
        uint32_t fetched; /* since */
        Snapshot now; /* as it tells */
        uint64_t created, seed; /* by which it is known again */
        Error error;
        sd_bus_slot *generate, *properties, *picture, *preview; /* calls that wait for their answers */
        sd_event_source *retry, *silence;
        struct Errand *next;
} Errand;

typedef struct Relay Relay;

struct Forward {
        sd_event *event;
        ForwardHandlers handlers;
        void *userdata;

        sd_bus *bus;
        Backoff backoff; /* of reaching for a bus that was lost */
        sd_bus_slot *models_call, *properties_call;
        sd_event_source *patience; /* until known() is called in any case */
        bool is_there, is_known;
        char *owner; /* unique name */
        uint64_t left_at; /* CLOCK_MONOTONIC, µs: when the last owner did */
        char state[16], resident[MODEL_NAME_MAX + 1];
        ForwardModel *models;
        size_t n_models;

        Errand *errands;
        uint64_t front; /* serial; 0: none */
        Relay *relays;
        size_t n_relays;
};

/* A call of the manager, or of a job there. */
int forward_new_call(const Forward *forward, const char *path, const char *interface, const char *member, sd_bus_message **ret);

/* Whether a signal comes from the instance: anybody on the system bus can send one here. */
bool forward_is_sender(const Forward *forward, sd_bus_message *message);

/* Asks for the models and the state. */
void forward_refresh(Forward *forward);

/* It cannot be reached. */
void forward_give_up(Forward *forward);

/* Whether it has left so lately that it may be about to be started again. */
bool forward_may_return(const Forward *forward, uint64_t within);

/* models.c: the answer to ListModels. */
int forward_read_models(Forward *forward, sd_bus_message *reply);
void forward_clear_models(Forward *forward);

/* errand*.c: Updated, Finished and PreviewReady; the instance is gone; the end of all. */
int errands_hear(sd_bus_message *message, void *userdata, sd_bus_error *error);
void errands_orphan(Forward *forward);
void errands_free(Forward *forward);

/* relay.c */
void relays_free(Forward *forward);
