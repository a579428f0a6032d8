/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Packets over a SOCK_SEQPACKET socket, each with at most one descriptor: what the protocols of all workers are made of. */

#include <stdbool.h>
#include <stddef.h>

/* Sends one packet, with a duplicate of fd unless it is -1. 0, or a negative errno: -EAGAIN when a non-blocking socket is
 * full, -EPIPE when the other side is gone. */
int packet_send(int socket, const void *data, size_t size, int fd);

/* Whether a packet of that size is sound, and so is what came with it: so many descriptors, the first of them fd (-1: none). */
typedef bool (*packet_check_t)(const void *packet, size_t size, size_t n_fds, int fd);

/* Receives one packet of at most `capacity` bytes. The descriptor that came becomes *ret_fd, the caller's (-1: none); further
 * ones are closed. 1 for a packet, 0 at end of file, -EAGAIN when nothing is there, -EBADMSG when the packet does not fit or
 * is not sound. The buffer holds a packet only if 1 is returned. */
int packet_receive(int socket, void *buffer, size_t capacity, packet_check_t is_valid, int *ret_fd);
