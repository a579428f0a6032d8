/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "queue/users.h"

User *users_find(User *users, uid_t uid)
{
        while (users && users->uid != uid)
                users = users->next;
        return users;
}

App *user_find_app(User *user, const char *name)
{
        App *app = user->apps;

        while (app && !streq(app->name, name))
                app = app->next;
        return app;
}

int users_acquire(User **users, uid_t uid, User **ret)
{
        User *user = users_find(*users, uid);
        if (!user) {
                user = calloc(1, sizeof(User));
                if (!user)
                        return -ENOMEM;
                user->uid = uid;
                user->next = *users;
                *users = user;
        }
        *ret = user;
        return 0;
}

int user_acquire_app(User *user, const char *name, App **ret)
{
        App *app = user_find_app(user, name);
        if (!app) {
                app = calloc(1, sizeof(App));
                if (!app)
                        return -ENOMEM;
                (void)snprintf(app->name, sizeof(app->name), "%s", name);
                app->last_turn = user->last_turn;
                app->next = user->apps;
                user->apps = app;
        }
        *ret = app;
        return 0;
}

void user_release_app(User *user, App *app)
{
        App **p = &user->apps;

        if (app->n_active > 0)
                return;
        while (*p != app)
                p = &(*p)->next;
        *p = app->next;
        free(app);
}

void users_free(User *users)
{
        while (users) {
                User *user = users;
                users = user->next;
                while (user->apps) {
                        App *app = user->apps;
                        user->apps = app->next;
                        free(app);
                }
                free(user);
        }
}
