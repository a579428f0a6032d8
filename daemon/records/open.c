/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base-directory.h"
#include "base/file.h"
#include "base/util.h"
#include "records/records-private.h"

#define PATIENCE_MSEC 5000
#define LOG_PAGES_MAX 16384 /* of 4 KiB */

int records_path(char **ret)
{
        char *path = base_directory_path(BASE_DATA, "imagined/records/records.db");
        if (!path)
                return -ENOENT;

        *ret = path;
        return 0;
}

/* The directory is ours and closed to others, whoever made it. */
static int close_directory(const char *path)
{
        _cleanup_(freep) char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));
        struct stat st;
        if (!directory)
                return -ENOMEM;

        _cleanup_(closep) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != geteuid())
                return -EPERM;
        return (st.st_mode & 0777) == 0700 || fchmod(fd, 0700) >= 0 ? 0 : -errno;
}

/* The file, before SQLite makes it with another mode; what it puts beside has the mode of this. */
static int make_file(const char *path, RecordsMode mode)
{
        const int flags = mode == RECORDS_CREATE ? O_CREAT : 0;
        struct stat st;

        _cleanup_(closep) int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        if (st.st_uid != geteuid())
                return -EPERM;
        return (st.st_mode & 0777) == 0600 || fchmod(fd, 0600) >= 0 ? 0 : -errno;
}

static int prepare_place(const char *path, RecordsMode mode, Error *error)
{
        if (path[0] != '/')
                return error_set(error, -EINVAL, "The records: not an absolute path");
        int r = mode == RECORDS_CREATE ? file_make_folders(path, 0700) : 0;
        if (r >= 0)
                r = close_directory(path);
        if (r >= 0)
                r = make_file(path, mode);
        return r < 0 ? error_set(error, r, "The records: %s", strerror(-r)) : 0;
}

/* What is forgotten is overwritten, and nothing of it goes into files elsewhere. */
static const char setup[] =
        "PRAGMA journal_mode = WAL;"
        "PRAGMA synchronous = NORMAL;"
        "PRAGMA foreign_keys = ON;"
        "PRAGMA secure_delete = ON;"
        "PRAGMA temp_store = MEMORY";

static int set_up(Records *records, Error *error)
{
        int64_t pages = 0;

        (void)sqlite3_db_config(records->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        records_set_patience(records, PATIENCE_MSEC);
        int r = records_number(records, "PRAGMA page_count", &pages, error);
        if (r >= 0 && pages == 0) /* later it could not be had without writing all anew */
                r = records_run(records, "PRAGMA auto_vacuum = INCREMENTAL", error);
        if (r >= 0)
                r = records_run(records, setup, error);
        return r < 0 ? r : records_migrate(records, error);
}

int records_open(Records **ret, const char *path, RecordsMode mode, Error *error)
{
        int r = prepare_place(path, mode, error);
        if (r < 0)
                return r;
        _cleanup_(records_closep) Records *records = calloc(1, sizeof(Records));
        if (!records)
                return error_set(error, -ENOMEM, "The records: out of memory");
        const int code = sqlite3_open_v2(path, &records->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
        r = code == SQLITE_OK ? set_up(records, error) : records_fail(code, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(records);
        return 0;
}

bool records_have_moved(const Records *records)
{
        int moved = 0;

        return sqlite3_file_control(records->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

Records *records_close(Records *records)
{
        if (records)
                (void)sqlite3_close_v2(records->db);
        free(records);
        return NULL;
}

void records_set_patience(Records *records, int milliseconds)
{
        (void)sqlite3_busy_timeout(records->db, milliseconds);
}

void records_leave_checkpoints(Records *records)
{
        (void)sqlite3_wal_autocheckpoint(records->db, LOG_PAGES_MAX);
}
