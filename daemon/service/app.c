/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-login.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "service/app.h"

#define INFO_SIZE_MAX 65536

/* The file that Flatpak puts at the root of a sandbox; the sandboxed process cannot change it. NULL: there is none. */
static char *read_flatpak_info(pid_t pid)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/root/.flatpak-info", (int)pid);
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return NULL;

        char *text = malloc(INFO_SIZE_MAX);
        if (!text)
                return NULL;
        ssize_t n = pread(fd, text, INFO_SIZE_MAX - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        return text;
}

/* "flatpak:" and what stands behind "name=" in [Application]. */
static bool find_name(char *info, char ret[static APP_NAME_MAX + 1])
{
        bool is_application = false;
        char *rest = info, *line;

        while ((line = strsep(&rest, "\n"))) {
                if (line[0] == '[')
                        is_application = streq(line, "[Application]");
                else if (is_application && strncmp(line, "name=", 5) == 0 && line[5])
                        return snprintf(ret, APP_NAME_MAX + 1, "flatpak:%s", line + 5) <= APP_NAME_MAX;
        }
        return false;
}

void app_of_process(pid_t pid, char ret[static APP_NAME_MAX + 1])
{
        _cleanup_(freep) char *info = read_flatpak_info(pid), *unit = NULL;

        if (info) {
                /* A sandbox whose name cannot be read is still not the desktop itself. */
                if (!find_name(info, ret))
                        (void)snprintf(ret, APP_NAME_MAX + 1, "flatpak:");
                return;
        }
        ret[0] = '\0';
        if (sd_pid_get_user_unit(pid, &unit) >= 0 && strncmp(unit, "app-", 4) == 0 && strlen(unit) <= APP_NAME_MAX)
                (void)snprintf(ret, APP_NAME_MAX + 1, "%s", unit);
}
