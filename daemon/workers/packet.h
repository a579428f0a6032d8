/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Packets over a SOCK_SEQPACKET socket, each with at most one descriptor: what the protocols of all workers are made of. */

#include <stddef.h>

/* Sends one packet, with a duplicate of fd unless it is -1. 0, or a negative errno: -EAGAIN when a non-blocking socket is
 * full, -EPIPE when the other side is gone. */
int packet_send(int socket, const void *data, size_t size, int fd);

/* Receives one packet of at most `capacity` bytes. The first descriptor that came becomes *ret_fd, the caller's (-1: none);
 * others are closed, *ret_fds is how many there were. 1 for a packet, 0 at end of file, -EAGAIN when nothing is there,
 * -EBADMSG when the packet does not fit. */
int packet_receive(int socket, void *buffer, size_t capacity, size_t *ret_size, int *ret_fd, size_t *ret_fds);
