/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/metadata/metadata.h"
#include "client/metadata/rewrite.h"
#include "client/settings.h"
#include "marks/xmp.h"
#include "tests/fuzz/fuzz.h"

/* What stands in a picture from outside: settings of many programs, and packets of XMP. All that is read is text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Settings settings = { 0 };
        Metadata metadata = { 0 };
        Marks marks = {};
        char *name, *value;
        uint8_t *changed = NULL;
        size_t n = 0, changed_size = 0;

        if (settings_find(data, size, &settings) > 0) {
                for (const char *at = settings.values; settings_next(&at, &name, &value) > 0; n++) {
                        free(name);
                        free(value);
                }
                if (n == 0 || !settings.program)
                        abort();
        }
        if (metadata_read(data, size, &metadata) > 0 && metadata.xmp)
                (void)xmp_read(metadata.xmp, metadata.xmp_size, &marks);
        if (metadata_rewrite(data, size, "<x/>", 4, &changed, &changed_size) >= 0 && changed_size > size + 4 + 64)
                abort();
        free(changed);
        marks_done(&marks);
        metadata_done(&metadata);
        settings_done(&settings);
        return 0;
}
