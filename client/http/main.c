/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "client/arguments.h"
#include "client/http/web.h"
#include "client/http/webui.h"

#define IDLE_USEC (120 * USEC_PER_SEC)
#define HOSTS_MAX 8
#define BACKLOG 32

typedef struct Settings {
        const char *listen; /* NULL: systemd's sockets */
        const char *hosts[HOSTS_MAX + 1];
        size_t n_hosts;
        Options bus;
} Settings;

static void help(void)
{
        (void)puts("imagined-http lets programs on this machine draw over HTTP, as OpenAI's and AUTOMATIC1111's interfaces have it\n"
                   "  --listen WHERE     127.0.0.1:PORT, [::1]:PORT or /PATH, where systemd gives no socket\n"
                   "  --allow-host NAME  a name by which this machine is called, beside localhost; up to 8 times\n"
                   "  --user             the session bus's service\n"
                   "  --system           the system bus's service\n"
                   "  --help             this text\n"
                   "  --version          the version");
}

/* 0; 1 when that was all; -EINVAL. */
static int parse(Settings *s, int argc, char *argv[])
{
        enum { LISTEN = 1, ALLOW_HOST, USER, SYSTEM, HELP, SHOW_VERSION };
        static const struct option options[] = {
                { "listen", required_argument, NULL, LISTEN }, { "allow-host", required_argument, NULL, ALLOW_HOST },
                { "user", no_argument, NULL, USER },           { "system", no_argument, NULL, SYSTEM },
                { "help", no_argument, NULL, HELP },           { "version", no_argument, NULL, SHOW_VERSION },
                { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
                if (c == LISTEN)
                        s->listen = optarg;
                else if (c == ALLOW_HOST && s->n_hosts < HOSTS_MAX)
                        s->hosts[s->n_hosts++] = optarg;
                else if (c == USER || c == SYSTEM)
                        *(c == USER ? &s->bus.user : &s->bus.system) = true;
                else if (c == HELP || c == SHOW_VERSION) {
                        if (c == HELP)
                                help();
                        else
                                (void)puts(VERSION);
                        return 1;
                } else
                        return -EINVAL;
        }
        return optind < argc || (s->bus.user && s->bus.system) ? -EINVAL : 0;
}

typedef union Address {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
} Address;

/* Nothing beyond this machine is listened to, whoever made the socket. */
static int check_is_local(int fd)
{
        Address address = { 0 };
        socklen_t size = sizeof(address);

        if (getsockname(fd, &address.any, &size) < 0)
                return -errno;
        if (address.any.sa_family == AF_UNIX ||
            (address.any.sa_family == AF_INET && ntohl(address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) ||
            (address.any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address.v6.sin6_addr)))
                return 0;
        log_error("The socket is no loopback address and no path: others could reach it");
        return -EACCES;
}

/* The socket of one of us who was killed: nobody listens there any more. */
static void remove_stale(const struct sockaddr_un *address)
{
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct stat st;

        if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
                return;
        if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 && errno == ECONNREFUSED)
                (void)unlink(address->sun_path);
}

static int listen_to_path(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        (void)strcpy(address.sun_path, path);
        remove_stale(&address);
        mode_t mask = umask(0177);
        int r = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
        (void)umask(mask);
        return r < 0 ? r : TAKE_FD(fd);
}

static int listen_to_port(const char *where)
{
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        const char *colon = strrchr(where, ':');
        char host[64] = "";

        if (!colon || (size_t)(colon - where) >= sizeof(host))
                return -EINVAL;
        (void)snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
        const unsigned long port = strtoul(colon + 1, NULL, 10);
        const bool is_v6 = host[0] == '[';
        host[is_v6 ? strcspn(host, "]") : strlen(host)] = '\0';
        if (port > UINT16_MAX || (is_v6 ? inet_pton(AF_INET6, host + 1, &v6.sin6_addr) : inet_pton(AF_INET, host, &v4.sin_addr)) != 1)
                return -EINVAL;
        v4.sin_port = v6.sin6_port = htons((uint16_t)port);
        _cleanup_(closep) int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int) { 1 }, sizeof(int)) < 0 ||
            bind(fd, is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4, is_v6 ? sizeof(v6) : sizeof(v4)) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* Says where, for whoever asked for port 0. */
static void say_where(int fd)
{
        Address address = { 0 };
        socklen_t size = sizeof(address);

        if (getsockname(fd, &address.any, &size) < 0 || address.any.sa_family == AF_UNIX)
                return;
        (void)printf("%u\n", ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port));
        (void)fflush(stdout);
}

static int add_sockets(const Settings *s, Web *web, int *own)
{
        if (s->listen) {
                *own = s->listen[0] == '/' ? listen_to_path(s->listen) : listen_to_port(s->listen);
                if (*own < 0)
                        return log_error_errno(*own, "Cannot listen to %s", s->listen);
                int r = check_is_local(*own);
                if (r >= 0)
                        r = web_listen(web, *own);
                if (r >= 0)
                        say_where(*own);
                return r;
        }
        int n = sd_listen_fds(true), r = n > 0 ? 0 : -ENOTCONN;
        for (int i = 0; r >= 0 && i < n; i++) {
                r = check_is_local(SD_LISTEN_FDS_START + i);
                if (r >= 0)
                        r = web_listen(web, SD_LISTEN_FDS_START + i);
        }
        if (n <= 0)
                log_error("No socket: start imagined-http.socket, or give --listen");
        return r;
}

static int add_signals(sd_event *event)
{
        static const int numbers[] = { SIGTERM, SIGINT };
        sigset_t set;

        (void)sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                (void)sigaddset(&set, numbers[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                int r = sd_event_add_signal(event, NULL, numbers[i], NULL, NULL); /* ends the loop */
                if (r < 0)
                        return r;
        }
        return 0;
}

static int serve(const Settings *s)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(closep) int own = -1;
        Bridge bridge = { .hosts = s->hosts };
        Web *web = NULL;

        int r = sd_event_new(&event);
        if (r >= 0)
                r = add_signals(event);
        bridge.event = event;
        bridge.link = (Link) { .event = event, .base = s->bus };
        if (r >= 0)
                r = web_new(&bridge, s->listen ? 0 : IDLE_USEC, &web);
        if (r >= 0)
                r = add_sockets(s, web, &own);
        if (r >= 0) {
                (void)sd_notify(0, "READY=1");
                r = sd_event_loop(event);
        }
        web_free(web);
        link_close(&bridge.link);
        choices_free(&bridge);
        if (s->listen && s->listen[0] == '/' && own >= 0)
                (void)unlink(s->listen);
        return r;
}

int main(int argc, char *argv[])
{
        Settings settings = { .bus = { .count = 1 } };

        arguments_fill_descriptors();
        (void)setlocale(LC_CTYPE, "");
        (void)signal(SIGPIPE, SIG_IGN);
        int r = parse(&settings, argc, argv);
        if (r != 0) {
                if (r < 0)
                        (void)fputs("imagined-http: wrong options; --help shows them\n", stderr);
                return r < 0 ? CODE_USAGE : CODE_OK;
        }
        return serve(&settings) < 0 ? CODE_FAILED : CODE_OK;
}
