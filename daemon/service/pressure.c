/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "service/pressure.h"

/* Some task waited for memory for 200 ms within 2 s: systemd's own default. */
#define TRIGGER "some 200000 2000000"
#define WRITE_MAX 512

struct Pressure {
        pressure_handler_t handler;
        void *userdata;
        sd_event_source *source;
        int fd;
        bool drains; /* a FIFO or a socket: what comes must be read */
};

static int on_pressure(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        Pressure *pressure = userdata;
        char bytes[256];

        /* The file is gone (the cgroup is), or nobody writes any more. */
        if (pressure->drains ? read(fd, bytes, sizeof(bytes)) == 0 : (events & (EPOLLERR | EPOLLHUP)) != 0) {
                (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        pressure->handler(pressure->userdata);
        return 0;
}

static int connect_to(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);

        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int open_watch(const char *path, bool *ret_drains)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        *ret_drains = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
        if (S_ISSOCK(st.st_mode))
                return connect_to(path);
        if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
                return -EINVAL;
        /* A FIFO that is open for both never ends. */
        int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        return fd < 0 ? -errno : fd;
}

/* The path of the own cgroup's pressure file, version 2 of cgroups. */
static bool own_file(char ret[static PATH_MAX])
{
        _cleanup_(fclosep) FILE *file = fopen("/proc/self/cgroup", "re");
        char line[PATH_MAX - 64];

        while (file && fgets(line, sizeof(line), file))
                if (strncmp(line, "0::/", 4) == 0) {
                        line[strcspn(line, "\n")] = '\0';
                        (void)snprintf(ret, PATH_MAX, "/sys/fs/cgroup%s/memory.pressure", line + 3);
                        return true;
                }
        return false;
}

/* Decodes base64; returns the number of bytes, or -EBADMSG. */
static ssize_t decode(const char *text, char ret[static WRITE_MAX])
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        size_t n = 0;
        uint32_t bits = 0;
        unsigned n_bits = 0;

        for (; *text && *text != '='; text++) {
                const char *digit = strchr(digits, *text);
                if (!digit || n >= WRITE_MAX)
                        return -EBADMSG;
                bits = (bits << 6 | (uint32_t)(digit - digits)) & 0xffffff;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        ret[n++] = (char)(bits >> n_bits);
                }
        }
        return (ssize_t)n;
}

static int start(Pressure *pressure)
{
        const char *path = getenv("MEMORY_PRESSURE_WATCH"), *text = getenv("MEMORY_PRESSURE_WRITE");
        char own[PATH_MAX], bytes[WRITE_MAX] = TRIGGER;
        ssize_t n = sizeof(TRIGGER); /* with its terminator, as the kernel wants it */

        if (path && streq(path, "/dev/null"))
                return 0;
        if (path)
                n = text ? decode(text, bytes) : 0;
        else if (own_file(own))
                path = own;
        if (!path)
                return 0;
        if (n < 0)
                return -EBADMSG;

        pressure->fd = open_watch(path, &pressure->drains);
        if (pressure->fd < 0)
                return path == own ? 0 : pressure->fd;
        int r = n > 0 ? write_all(pressure->fd, bytes, (size_t)n) : 0;
        if (r < 0)
                return path == own ? 0 : r;
        return 1;
}

int pressure_new(Pressure **ret, sd_event *event, pressure_handler_t handler, void *userdata)
{
        _cleanup_(pressure_freep) Pressure *pressure = calloc(1, sizeof(Pressure));
        if (!pressure)
                return -ENOMEM;
        pressure->handler = handler;
        pressure->userdata = userdata;
        pressure->fd = -1;

        int r = start(pressure);
        if (r < 0)
                (void)log_warning_errno(r, "Memory pressure is not watched");
        if (r > 0) {
                r = sd_event_add_io(
                                event, &pressure->source, pressure->fd, pressure->drains ? EPOLLIN : EPOLLPRI,
                                on_pressure, pressure);
                if (r >= 0)
                        r = sd_event_source_set_ratelimit(pressure->source, USEC_PER_SEC, 1);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(pressure);
        return 0;
}

Pressure *pressure_free(Pressure *pressure)
{
        if (!pressure)
                return NULL;
        sd_event_source_disable_unref(pressure->source);
        closep(&pressure->fd);
        free(pressure);
        return NULL;
}
