/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/model-path.h"
#include "base/util.h"
#include "workers/sandbox-rules.h"

#include <dirent.h>

/* The kernel's header may be older than the kernel: the rights of each version of Landlock, from its documentation. */
#define FS_1 ((UINT64_C(1) << 13) - 1) /* execute … make_sym */
#define FS_2 (UINT64_C(1) << 13) /* refer */
#define FS_3 (UINT64_C(1) << 14) /* truncate */
#define FS_5 (UINT64_C(1) << 15) /* ioctl_dev */
#define NET_4 UINT64_C(3) /* bind_tcp, connect_tcp */
#define NET_CONNECT UINT64_C(2)
#define RULE_NET_PORT 2
#define SCOPE_6 UINT64_C(3) /* abstract sockets and signals of others */

#define WRITING \
        (FS_1 & ~(uint64_t)(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR))
#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ_BELOW (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

#define LINKS_MAX 4096 /* entries of a model's folder that are looked at */
#define DEPTH_MAX 4

typedef struct Ruleset { /* of version 6; an older kernel takes the beginning */
        uint64_t handled_access_fs, handled_access_net, scoped;
} Ruleset;

/* May be read, or read below if it is a folder. What is not there needs no rule. */
static int allow(int ruleset, const char *path)
{
        _cleanup_(closep) int fd = open(path, O_PATH | O_CLOEXEC);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
                return 0;

        struct landlock_path_beneath_attr rule = {
                .allowed_access = S_ISDIR(st.st_mode) ? READ_BELOW : READ_FILE,
                .parent_fd = fd,
        };
        return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

/* Models are often links into a store: what they point at may be read too. */
static int allow_targets(int ruleset, const char *directory, unsigned depth, unsigned *budget)
{
        DIR *dir = opendir(directory);
        int r = 0;

        for (struct dirent *entry; dir && r >= 0 && *budget > 0 && (entry = readdir(dir));) {
                char path[PATH_MAX];
                struct stat st;
                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                --*budget;
                if (snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= (int)sizeof(path) ||
                    lstat(path, &st) < 0)
                        continue;
                if (S_ISLNK(st.st_mode)) {
                        r = allow(ruleset, path);
                        if (r < 0 || stat(path, &st) < 0)
                                continue;
                }
                if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
                        r = allow_targets(ruleset, path, depth + 1, budget);
        }
        if (dir)
                (void)closedir(dir);
        return r;
}

/* The adapters beside models; for a model that is one file all that lies beside it (a card, an autoencoder), and the
 * directories of models, where there may be a vocabulary for it. */
static int allow_beside(int ruleset, const char *model)
{
        const char *slash = strrchr(model, '/'), *others = getenv(MODEL_PATH_VARIABLE);
        char path[PATH_MAX];
        struct stat st;
        const char *below = stat(model, &st) >= 0 && S_ISREG(st.st_mode) ? "" : "/loras";

        if (snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash - model) : 1, slash ? model : ".", below) >=
            (int)sizeof(path))
                return 0;
        int r = allow(ruleset, path);
        for (const char *at = others; r >= 0 && at && *at; at += *at == ':') {
                const size_t length = strcspn(at, ":");

                if (length > 0 && (size_t)snprintf(path, sizeof(path), "%.*s%s", (int)length, at, below) < sizeof(path))
                        r = allow(ruleset, path);
                at += length;
        }
        return r;
}

/* A rule as the kernel's header of version 4 has it. */
static int allow_port(int ruleset, uint16_t port)
{
        const struct {
                uint64_t allowed_access, port;
        } rule = { NET_CONNECT, port };

        return syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) < 0 ? -errno : 0;
}

int sandbox_restrict_files(const char *directory, const uint16_t *ports, size_t n)
{
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        if (version < 1)
                return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;

        Ruleset rules = { .handled_access_fs = FS_1 };
        size_t size = sizeof(rules.handled_access_fs);
        rules.handled_access_fs |= version >= 2 ? FS_2 : 0;
        rules.handled_access_fs |= version >= 3 ? FS_3 : 0;
        rules.handled_access_fs |= version >= 5 ? FS_5 : 0;
        if (version >= 4) {
                rules.handled_access_net = NET_4;
                size += sizeof(rules.handled_access_net);
        }
        if (version >= 6) {
                rules.scoped = SCOPE_6;
                size += sizeof(rules.scoped);
        }

        _cleanup_(closep) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
        if (ruleset < 0)
                return -errno;
        unsigned budget = LINKS_MAX;
        int r = directory ? allow(ruleset, directory) : 0;
        if (r >= 0 && directory)
                r = allow_targets(ruleset, directory, 0, &budget);
        if (r >= 0 && directory)
                r = allow_beside(ruleset, directory);
        for (size_t i = 0; i < n && r >= 0 && version >= 4; i++)
                if (ports[i] > 0)
                        r = allow_port(ruleset, ports[i]);
#ifdef SANDBOX_SANITIZED
        if (r >= 0)
                r = allow(ruleset, "/proc");
#endif
        if (r < 0)
                return r;
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

int sandbox_restrict_writing(void)
{
        long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        if (version < 1)
                return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;

        const uint64_t handled = WRITING | (version >= 2 ? FS_2 : 0) | (version >= 3 ? FS_3 : 0);
        _cleanup_(closep) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
        _cleanup_(closep) int null = open("/dev/null", O_PATH | O_CLOEXEC);
        struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE, .parent_fd = null };
        if (ruleset < 0 || null < 0)
                return -errno;
        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ||
            syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
                return -errno;
        return 0;
}
