/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The pieces of a desktop that 'imagine desktop' puts into the home directory and takes out again. */

#include <stdbool.h>

#include "client/client.h"
#include "client/desktop/record.h"

typedef enum PieceState {
        PIECE_OFF,
        PIECE_ON, /* in the home directory */
        PIECE_FOR_ALL, /* make install has put it there for all users */
} PieceState;

typedef struct Piece {
        const char *name;
        const char *what; /* for people */
        const char *const *files; /* triples: ours, where (data), and "x" if it must be executable; NULL ends them */
        /* What is not just files; 0 or an errno with a sentence. NULL: nothing. */
        int (*enable)(Client *client, Record *record, Error *error);
        int (*disable)(Client *client, Record *record, Error *error);
        const char *after; /* what the user has to do then, or NULL */
        bool only_for_all; /* there is no such place in a home directory */
} Piece;

/* Ends with a piece without a name. */
extern const Piece piece_table[];

const Piece *piece_find(const char *name);
PieceState piece_state(const Piece *piece, const Record *record);

/* 0 or a negative errno with a sentence. Nothing is done for what is there (enable) or is not there (disable). What exists
 * and is not ours is left alone: -EEXIST. */
int piece_enable(Client *client, const Piece *piece, Record *record, Error *error);
int piece_disable(Client *client, const Piece *piece, Record *record, Error *error);

/* Puts one of our files, a triple as above, into the home directory and notes it; not if the same is there already, and not
 * ours. 0 or a negative errno with a sentence. */
int piece_put(Record *record, const char *piece, const char *const file[3], Error *error);

/* Thunar's file of actions (thunar-file.c). */
int thunar_enable(Client *client, Record *record, Error *error);
int thunar_disable(Client *client, Record *record, Error *error);

/* The key (shortcut.c). */
int shortcut_enable(Client *client, Record *record, Error *error);
int shortcut_disable(Client *client, Record *record, Error *error);
