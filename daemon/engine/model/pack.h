/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A model's weights as the kernels want them, in a file that outlives the process: written by the first that packs them,
 * and mapped by all that come later, so that loading costs nothing, and the pages are shared and can be reclaimed.
 *
 *     pack_new(&pack, &files, key);
 *     pack_begin(pack, hint);                for each network, in the same order every time:
 *     …  pack_arena(pack)                    packed weights are allocated from it; arena_is_filled() says that they are
 *     …                                      there already
 *     …  place = pack_place(pack)            what is allocated by now
 *     pack_end(pack, &arena);                the network's from here on
 *     …
 *     pack_settle(pack, &place);             for each place, in order: all before it is filled now
 *     …
 *     pack_seal(pack);                       when there is time: until then the file is none
 *
 * What comes after the last pack_end() may be done in another thread, while others read what is filled.
 *
 * The file has no index of tensors: the order of allocations, which the configuration of the model and the layout of the
 * kernels decide, is the same for the same key. It may be deleted at any time. Damage beyond its header is not seen. */

#include "base/error.h"
#include "engine/tensor/arena.h"

/* Who keeps such files opens them; the worker may not. Both stay the caller's. */
typedef struct PackFiles {
        int old_fd; /* a file of an earlier load, to be read; -1: none */
        int new_fd; /* an empty one, to be written if the old one does not serve; -1: none */
} PackFiles;

typedef struct Pack Pack;

/* Of all that decides the bytes: the model's files by identity (base/tree.h), the engine's build, and `layout`, what the
 * kernels say of theirs. *ret is malloc'ed. -ENOMEM, or what tree_read() says. */
int pack_key(char **ret, const char *model_dir, const char *layout);

/* A file that is not of this key, or broken, is passed over. -ENOMEM. */
int pack_new(Pack **ret, const PackFiles *files, const char *key);
Pack *pack_free(Pack *pack);
DEFINE_CLEANUP(Pack *, pack_free)

bool pack_is_read(const Pack *pack); /* the old file serves */

/* hint: floats, enough for all that will be allocated. -ENOMEM; -EBADMSG: the file has no more. */
int pack_begin(Pack *pack, size_t hint);
Arena *pack_arena(const Pack *pack); /* NULL: between sections */

typedef struct PackPlace {
        uint32_t section;
        size_t end; /* bytes */
} PackPlace;

PackPlace pack_place(const Pack *pack);

/* -EBADMSG: the file holds something else than what was taken from it; then the arena is of no use. */
int pack_end(Pack *pack, Arena **ret);

/* What lies before goes into the file, and the file's own pages take its place. */
void pack_settle(Pack *pack, const PackPlace *place);

/* When all is filled: writes the rest, and waits until the disk has all of it, which may take seconds. 1: the new file is
 * whole now; 0: there is none; or a negative errno. */
int pack_seal(Pack *pack);
