/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* imagined-net: one job of the network, from the service's socket to a server and back. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "base/log.h"
#include "net/worker.h"

static void print_help(void)
{
        (void)puts("imagined-net --socket=FD\n\n"
                   "Asks a server what imagined wants to know, and ends. It is started by imagined-net.socket,\n"
                   "or by imagined where there is no systemd.\n\n"
                   "      --socket=FD  a connection to imagined (SOCK_SEQPACKET)\n"
                   "      --help       show this and exit\n"
                   "      --version    show the version and exit\n\n"
                   "See imagined(8).");
}

/* 1: go on; 0: all is done; -EINVAL. */
static int parse_arguments(int argc, char *argv[], int *ret_socket)
{
        enum { SOCKET = 256, HELP, VERSION_OPTION };
        static const struct option options[] = {
                { "socket", required_argument, NULL, SOCKET },
                { "help", no_argument, NULL, HELP },
                { "version", no_argument, NULL, VERSION_OPTION },
                {},
        };
        char *rest;

        for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
                switch (c) {
                case SOCKET:
                        *ret_socket = (int)strtol(optarg, &rest, 10);
                        if (*rest != '\0' || rest == optarg || *ret_socket < 0) {
                                log_error("%s: no descriptor", optarg);
                                return -EINVAL;
                        }
                        break;
                case 'h':
                case HELP:
                        print_help();
                        return 0;
                case VERSION_OPTION:
                        (void)puts("imagined-net " VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        }
        if (optind < argc || *ret_socket < 0) {
                log_error("--socket=FD is wanted, and nothing else; see --help");
                return -EINVAL;
        }
        return 1;
}

/* The socket's folder is the user's own; who got through to it all the same is not answered. */
static int check_peer(int socket)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return log_error_errno(-errno, "The descriptor is no socket of a service");
        if (peer.uid != geteuid()) {
                log_error("The connection is another user's");
                return -EPERM;
        }
        return fcntl(socket, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
}

int main(int argc, char *argv[])
{
        int socket = -1;

        int r = parse_arguments(argc, argv, &socket);
        if (r <= 0)
                return r < 0 ? EX_USAGE : EXIT_SUCCESS;
        (void)signal(SIGPIPE, SIG_IGN);
        r = check_peer(socket);
        if (r >= 0)
                r = net_worker_run(socket);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
