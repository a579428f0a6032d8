/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/tree.h"
#include "base/util.h"
#include "engine/model/pack.h"
#include "engine/model/sha256.h"

#define SECTIONS_MAX 8
#define SECTION_ALIGNMENT ((uint64_t)1 << 16) /* the pages of any machine */
#define PIECE ((size_t)32 << 20) /* bytes that are written at once */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PACK_BUILD "asan"
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PACK_BUILD "asan"
#elif !defined(PACK_BUILD)
#define PACK_BUILD "plain"
#endif

#ifndef PACK_SOURCES /* the Makefile's digest of all code that lays weights out */
#define PACK_SOURCES "none"
#endif

typedef struct Section {
        uint64_t offset, size; /* in the file, bytes */
} Section;

typedef struct Header {
        char magic[8];
        char key[DIGEST_SIZE];
        uint32_t n_sections;
        uint64_t size; /* of the file */
        Section sections[SECTIONS_MAX];
} Header;

static const char magic[8] = "imgpack1";

/* A section that is to be written, and lies in memory. */
typedef struct Draft {
        char *data;
        size_t size, settled; /* bytes; of them those that are written, and mapped in place of what they were written from */
} Draft;

struct Pack {
        Header header;
        int fd; /* duplicated; -1: neither read nor written */
        bool is_read;
        uint32_t section; /* the next, or the one at work */
        Arena *arena; /* of the one at work */
        Draft drafts[SECTIONS_MAX];
        uint32_t writing; /* the draft whose turn it is */
};

int pack_key(char **ret, const char *model_dir, const char *layout)
{
        _cleanup_(tree_done) Tree tree = {};
        _cleanup_(freep) char *identity = NULL, *text = NULL, *key = malloc(DIGEST_SIZE);

        int r = tree_read(&tree, model_dir);
        if (r >= 0)
                r = tree_identity(&tree, &identity);
        if (r < 0)
                return r;
        int length = asprintf(&text, VERSION " " PACK_SOURCES " " PACK_BUILD "\n%s\n%s", layout, identity);
        if (length < 0) {
                text = NULL;
                return -ENOMEM;
        }
        if (!key)
                return -ENOMEM;
        r = sha256_bytes(text, (size_t)length, key, NULL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(key);
        return 0;
}

static bool sections_fit(const Header *header)
{
        uint64_t end = SECTION_ALIGNMENT;

        if (header->n_sections > SECTIONS_MAX)
                return false;
        for (uint32_t i = 0; i < header->n_sections; i++) {
                const Section *s = &header->sections[i];
                if (s->offset != end || s->size == 0 || s->size > header->size - MIN(end, header->size))
                        return false;
                end = (s->offset + s->size + SECTION_ALIGNMENT - 1) & ~(SECTION_ALIGNMENT - 1);
        }
        return end >= header->size && header->size > SECTION_ALIGNMENT;
}

/* Whether the file is what a pack_seal() left behind for this key. */
static bool read_header(int fd, const char *key, Header *ret)
{
        struct stat st;
        Header header;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
                return false;
        if (memcmp(header.magic, magic, sizeof(magic)) != 0 || memcmp(header.key, key, DIGEST_SIZE) != 0 ||
            header.size != (uint64_t)st.st_size || !sections_fit(&header))
                return false;
        *ret = header;
        return true;
}

int pack_new(Pack **ret, const PackFiles *files, const char *key)
{
        _cleanup_(pack_freep) Pack *pack = calloc(1, sizeof(*pack));
        if (!pack)
                return -ENOMEM;

        pack->fd = -1;
        pack->is_read = read_header(files->old_fd, key, &pack->header);
        const int fd = pack->is_read ? files->old_fd : files->new_fd;
        if (fd >= 0 && (pack->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
                return -errno;
        if (!pack->is_read) {
                memcpy(pack->header.magic, magic, sizeof(magic));
                memcpy(pack->header.key, key, DIGEST_SIZE);
                pack->header.size = SECTION_ALIGNMENT;
        }
        *ret = TAKE_PTR(pack);
        return 0;
}

Pack *pack_free(Pack *pack)
{
        if (!pack)
                return NULL;
        (void)arena_free(pack->arena);
        if (pack->fd >= 0)
                (void)close(pack->fd);
        free(pack);
        return NULL;
}

bool pack_is_read(const Pack *pack)
{
        return pack->is_read;
}

Arena *pack_arena(const Pack *pack)
{
        return pack->arena;
}

/* No file comes of it; the weights stay where they are. */
static void give_up(Pack *pack, int r)
{
        log_info("The packed weights are not kept: %s", strerror(-r));
        (void)close(pack->fd);
        pack->fd = -1;
}

static int map_section(Pack *pack)
{
        if (pack->section >= pack->header.n_sections)
                return -EBADMSG;
        const Section *s = &pack->header.sections[pack->section];
        void *data = mmap(NULL, s->size, PROT_READ, MAP_SHARED, pack->fd, (off_t)s->offset);
        if (data == MAP_FAILED)
                return -errno;
        (void)madvise(data, s->size, MADV_WILLNEED); /* only a wish */
        pack->arena = arena_new_filled(data, s->size);
        if (!pack->arena)
                (void)munmap(data, s->size);
        return pack->arena ? 0 : -ENOMEM;
}

int pack_begin(Pack *pack, size_t hint)
{
        if (pack->is_read)
                return map_section(pack);

        if (pack->fd >= 0 && pack->section >= SECTIONS_MAX)
                give_up(pack, -E2BIG);
        pack->arena = arena_new(hint);
        return pack->arena ? 0 : -ENOMEM;
}

static int write_all(int fd, const char *data, size_t size, uint64_t offset)
{
        while (size > 0) {
                ssize_t n = pwrite(fd, data, MIN(size, PIECE), (off_t)offset);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                data += n;
                size -= (size_t)n;
                offset += (uint64_t)n;
        }
        return 0;
}

PackPlace pack_place(const Pack *pack)
{
        size_t size = 0;

        (void)arena_contents(pack->arena, &size);
        return (PackPlace) { .section = pack->section, .end = size };
}

/* Up to there the section goes into the file, and the file's own pages take its place. */
static void write_up_to(Pack *pack, Draft *draft, size_t end)
{
        const uint64_t offset = pack->header.size + draft->settled;
        const size_t size = end - draft->settled;
        char *data = draft->data + draft->settled;

        int r = write_all(pack->fd, data, size, offset);
        if (r >= 0 && mmap(data, size, PROT_READ, MAP_SHARED | MAP_FIXED, pack->fd, (off_t)offset) == MAP_FAILED)
                r = -errno;
        if (r < 0)
                give_up(pack, r);
        draft->settled = end;
}

/* All sections before that one are filled. */
static void finish_before(Pack *pack, uint32_t section)
{
        for (; pack->fd >= 0 && pack->writing < section; pack->writing++) {
                Draft *draft = &pack->drafts[pack->writing];

                if (draft->size > draft->settled)
                        write_up_to(pack, draft, draft->size);
                pack->header.sections[pack->header.n_sections++] =
                                (Section) { .offset = pack->header.size, .size = draft->size };
                pack->header.size += (draft->size + SECTION_ALIGNMENT - 1) & ~(SECTION_ALIGNMENT - 1);
        }
}

void pack_settle(Pack *pack, const PackPlace *place)
{
        Draft *draft = &pack->drafts[place->section];

        if (pack->is_read)
                return;
        finish_before(pack, place->section);
        if (pack->fd >= 0 && place->end - draft->settled >= PIECE)
                write_up_to(pack, draft, place->end & ~(size_t)(SECTION_ALIGNMENT - 1));
}

static int end_reading(Pack *pack)
{
        size_t used = 0;

        (void)arena_contents(pack->arena, &used);
        return used == pack->header.sections[pack->section].size ? 0 : -EBADMSG;
}

static void end_draft(Pack *pack)
{
        size_t size = 0;
        char *data = arena_contents(pack->arena, &size);

        if (!data || size == 0)
                give_up(pack, data ? -ENODATA : -ENOMEM);
        else
                pack->drafts[pack->section] = (Draft) { .data = data, .size = size };
}

int pack_end(Pack *pack, Arena **ret)
{
        int r = 0;

        if (pack->is_read)
                r = end_reading(pack);
        else if (pack->fd >= 0)
                end_draft(pack);
        pack->section++;
        *ret = TAKE_PTR(pack->arena);
        return r;
}

int pack_seal(Pack *pack)
{
        if (pack->is_read || pack->fd < 0)
                return 0;
        finish_before(pack, pack->section);
        if (pack->fd < 0 || pack->header.n_sections == 0)
                return 0;
        /* The header comes last, so that what has one is whole, whenever the machine's power is lost. */
        if (ftruncate(pack->fd, (off_t)pack->header.size) < 0 || fdatasync(pack->fd) < 0)
                return -errno;
        int r = write_all(pack->fd, (const char *)&pack->header, sizeof(pack->header), 0);
        if (r < 0)
                return r;
        return fdatasync(pack->fd) < 0 ? -errno : 1;
}
