/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One job: what the service says on the socket is asked, and what the server answers goes back (net/protocol.h). Returns when
 * all is said, or the service has gone: 0, or a negative errno that was logged. */
int net_worker_run(int socket);
