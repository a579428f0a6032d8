/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "client/metadata/metadata.h"
#include "client/metadata/rewrite.h"
#include "client/review/stamp.h"
#include "marks/xmp.h"

/* What fits into a JPEG, too. */
#define XMP_MAX 65000

static int copy(const BatchFile *file, uint8_t **ret, size_t *ret_size)
{
        uint8_t *data = malloc(file->size);

        if (!data)
                return -ENOMEM;
        *ret = memcpy(data, file->data, file->size);
        *ret_size = file->size;
        return 0;
}

/* Sets what is known and is not in the file so. */
static int set(Marks *marks, const Marks *old, Mark mark, const char *value)
{
        const bool is_there = value && old->values[mark] && strcmp(old->values[mark], value) == 0;
        return !value || !*value || is_there ? 0 : marks_set(marks, mark, "%s", value);
}

/* What the file is to say and does not. */
static int find_changes(const Metadata *metadata, const Subject *subject, const Rights *rights, Marks *ret)
{
        _cleanup_(marks_done) Marks old = { 0 };

        int r = metadata->xmp ? xmp_read(metadata->xmp, metadata->xmp_size, &old) : 0;
        if (r == -EBADMSG)
                r = 0;
        if (r >= 0)
                r = set(ret, &old, MARK_ALT_TEXT, subject_text(subject, "alt"));
        if (r >= 0)
                r = set(ret, &old, MARK_WEB_STATEMENT, rights->address);
        return r < 0 ? r : set(ret, &old, MARK_CREDIT, rights->credit);
}

static bool is_empty(const Marks *marks)
{
        for (Mark i = 0; i < MARK_MAX; i++)
                if (marks->values[i])
                        return false;
        return true;
}

int stamp_file(const BatchFile *file, const Subject *subject, const Rights *rights, uint8_t **ret, size_t *ret_size)
{
        _cleanup_(metadata_done) Metadata metadata = { 0 };
        _cleanup_(marks_done) Marks changes = { 0 };
        _cleanup_(freep) char *xmp = NULL;
        size_t size;

        int r = metadata_read(file->data, file->size, &metadata);
        if (r == 0)
                r = -EMEDIUMTYPE;
        if (r > 0)
                r = find_changes(&metadata, subject, rights, &changes);
        if (r < 0 || is_empty(&changes))
                return r < 0 ? r : copy(file, ret, ret_size);
        r = xmp_change(metadata.xmp, metadata.xmp_size, &changes, XMP_MAX, &xmp, &size);
        if (r >= 0)
                r = metadata_rewrite(file->data, file->size, xmp, size, ret, ret_size);
        return r == -EOPNOTSUPP || r == -EBADMSG || r == -EFBIG ? copy(file, ret, ret_size) : r;
}
