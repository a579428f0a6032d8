/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs that are started and go their own way; and files as others are told about them. No shell is asked: a file's
 * name can never become a command. */

/* In a child: nothing is inherited but the environment; the standard streams are /dev/null. */
void spawn_be_alone(void);

/* Starts argv[0], found in the PATH, with nothing on its standard streams. It is nobody's child. 0 or a negative errno;
 * that the program is not there is not noticed. */
int spawn_detached(char *const argv[]);

/* Likewise the imagine that lies in the same folder as the present program. input: what it reads on stdin, or NULL. */
int spawn_imagine(char *const argv[], const char *input);

/* "file:///a%20b.png" for an absolute path. A string to free, or NULL. */
char *spawn_file_uri(const char *path);
