/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A worker without a model (workers/protocol.h, --decode): what strangers sent becomes pixels here, what others drew becomes finished pictures, in a process that has
 * nothing else to lose. */

/* Serves until the socket ends: 0; a negative errno if the other side broke the protocol. */
int decode_run(int socket);
