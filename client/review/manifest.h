/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A folder of exported pictures and its manifest.json, which says of each what others have to know who use the folder without
 * this program:
 *
 *     {"version": 1, "pictures": [{"id": …, "file": "a-red-fox-7k2m9x4p3q.png", "sha256": …, "alt": …, "licence": …,
 *       "licence_address": …, "credit": …, "commercial": false, "model": …, "provider": …, "version_of": …,
 *       "approved": {"who": …, "time": "2026-11-22T14:36:22Z"}}, …]}
 *
 * What is not known is not there. Neither prompts nor comments are in it. */

#include "client/client.h"

#define MANIFEST_NAME "manifest.json"

typedef struct Manifest { /* manifest_done() */
        const char *folder;
        json_t *root, *pictures;
} Manifest;

/* Makes the folder, if it is not there, and reads its manifest, if there is one. CODE_OK, or what was reported. */
ExitCode manifest_open(Client *client, const char *folder, Manifest *ret);

/* Puts a picture in the place of the one of its id; takes it. -ENOMEM. */
int manifest_put(Manifest *manifest, json_t *picture);

/* Takes a picture out, and its file, if that is what the manifest says it is. Whether it was. */
bool manifest_remove(Manifest *manifest, const char *id);

/* "FOLDER/FILE", to be freed. */
char *manifest_path(const Manifest *manifest, const char *file);

ExitCode manifest_save(Client *client, const Manifest *manifest);
void manifest_done(Manifest *manifest);
