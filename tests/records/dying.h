/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A layer below SQLite that counts what is done to files, and kills the process at that number:
 *
 *     install_layer();
 *     steps_left = UINT_MAX;               // of this process, which does not die
 *     if (fork() == 0) {
 *             steps_left = deaths;
 *             …
 *     } */

#include <signal.h>
#include <sqlite3.h>

#include "tests/records/records.h"

static unsigned steps_left; /* before the one that kills */
/* Databases and logs have methods of their own. */
static struct Kind {
        sqlite3_io_methods dying; /* first: what a file points to */
        const sqlite3_io_methods *living;
} kinds[4];
static sqlite3_vfs layer;
static sqlite3_vfs *below;

static inline const sqlite3_io_methods *living(const sqlite3_file *file)
{
        return ((const struct Kind *)file->pMethods)->living;
}

static inline void step(void)
{
        if (steps_left-- == 0)
                (void)raise(SIGKILL);
}

/* Half of what is written comes before the death, as it may. */
static inline int write_step(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
        if (steps_left == 0)
                (void)living(file)->xWrite(file, data, n / 2, at);
        step();
        return living(file)->xWrite(file, data, n, at);
}

static inline int truncate_step(sqlite3_file *file, sqlite3_int64 size)
{
        step();
        return living(file)->xTruncate(file, size);
}

static inline int sync_step(sqlite3_file *file, int flags)
{
        (void)file, (void)flags;
        step(); /* what a process has written does not die with it, so the disk can wait */
        return SQLITE_OK;
}

static inline int delete_step(sqlite3_vfs *vfs, const char *name, int sync)
{
        (void)vfs;
        step();
        return below->xDelete(below, name, sync);
}

static inline int open_step(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret_flags)
{
        (void)vfs;
        int code = below->xOpen(below, name, file, flags, ret_flags);
        if (code != SQLITE_OK || !file->pMethods)
                return code;
        struct Kind *kind = kinds;
        while (kind->living && kind->living != file->pMethods)
                kind++;
        assert_true(kind < kinds + ELEMENTSOF(kinds));
        kind->living = file->pMethods;
        kind->dying = *file->pMethods;
        kind->dying.xWrite = write_step;
        kind->dying.xTruncate = truncate_step;
        kind->dying.xSync = sync_step;
        file->pMethods = &kind->dying;
        return code;
}

static inline void install_layer(void)
{
        below = sqlite3_vfs_find(NULL);
        layer = *below;
        layer.zName = "dying";
        layer.xOpen = open_step;
        layer.xDelete = delete_step;
        (void)sqlite3_vfs_register(&layer, 1);
}

/* The answer to a question of SQL is "ok", or nothing. */
static inline void check_sql(const char *sql)
{
        sqlite3 *db;
        sqlite3_stmt *statement;

        assert_int_equal(sqlite3_open(database(), &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        int code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
                assert_string_equal((const char *)sqlite3_column_text(statement, 0), "ok");
        else
                assert_int_equal(code, SQLITE_DONE);
        (void)sqlite3_finalize(statement);
        (void)sqlite3_close(db);
}
