/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who has jobs: users, and the apps of each, with what is counted for them and whose turn it is. Users are never forgotten:
 * numbers of jobs must not come twice. An app is forgotten with its last job that has not ended. */

#include <stdint.h>
#include <sys/types.h>

#define APP_NAME_MAX 255 /* bytes */

typedef struct App {
        char name[APP_NAME_MAX + 1]; /* "": none that the system knows */
        uint64_t last_turn; /* when a job of this app began, counted in turns */
        uint64_t planned_turn; /* the same while the order is planned */
        uint64_t remote_turn; /* likewise of jobs that others draw */
        uint64_t n_active, n_interactive;
        struct App *next;
} App;

typedef struct User {
        uid_t uid;
        uint32_t last_id;
        uint64_t last_turn, planned_turn, remote_turn;
        uint64_t n_active, n_finished, n_pictures, bytes, input_bytes;
        App *apps;
        struct User *next;
} User;

/* NULL: unknown. */
User *users_find(User *users, uid_t uid);
App *user_find_app(User *user, const char *name);

/* Finds or makes; an app that is new comes behind those that this user has, so that coming and going gains nothing.
 * 0 or -ENOMEM. */
int users_acquire(User **users, uid_t uid, User **ret);
int user_acquire_app(User *user, const char *name, App **ret);

/* Forgets an app without jobs. */
void user_release_app(User *user, App *app);

void users_free(User *users);
