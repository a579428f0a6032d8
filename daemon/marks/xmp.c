/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <exempi/xmp.h>
#include <exempi/xmpconsts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "marks/xmp.h"

#define NS_IPTC_EXT "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
#define NS_IPTC_CORE "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
#define NS_PLUS "http://ns.useplus.org/ldf/xmp/1.0/"

/* The library calls itself recursively for each element within another; ours have five. */
#define DEPTH_MAX 64

typedef enum Kind {
        KIND_TEXT,
        KIND_LANGUAGES, /* one text for each language, of which the first is anybody's */
        KIND_LIST, /* of which we have the first */
        KIND_STRUCTURE, /* the first of a list of structures, and one field of it */
} Kind;

static const struct {
        const char *ns, *property, *field;
        Kind kind;
} properties[MARK_MAX] = {
        [MARK_SOURCE_TYPE] = { NS_IPTC_EXT, "DigitalSourceType", NULL, KIND_TEXT },
        [MARK_SYSTEM] = { NS_IPTC_EXT, "AISystemUsed", NULL, KIND_TEXT },
        [MARK_SYSTEM_VERSION] = { NS_IPTC_EXT, "AISystemVersionUsed", NULL, KIND_TEXT },
        [MARK_PROMPT] = { NS_IPTC_EXT, "AIPromptInformation", NULL, KIND_TEXT },
        [MARK_PROMPT_WRITER] = { NS_IPTC_EXT, "AIPromptWriterName", NULL, KIND_TEXT },
        [MARK_ALT_TEXT] = { NS_IPTC_CORE, "AltTextAccessibility", NULL, KIND_LANGUAGES },
        [MARK_USAGE_TERMS] = { NS_XAP_RIGHTS, "UsageTerms", NULL, KIND_LANGUAGES },
        [MARK_WEB_STATEMENT] = { NS_XAP_RIGHTS, "WebStatement", NULL, KIND_TEXT },
        [MARK_CREATOR] = { NS_DC, "creator", NULL, KIND_LIST },
        [MARK_CREDIT] = { NS_PHOTOSHOP, "Credit", NULL, KIND_TEXT },
        [MARK_CREATOR_TOOL] = { NS_XAP, "CreatorTool", NULL, KIND_TEXT },
        [MARK_DATE] = { NS_XAP, "CreateDate", NULL, KIND_TEXT },
        [MARK_PROVIDER] = { NS_PLUS, "ImageSupplier", "ImageSupplier[1]/plus:ImageSupplierName", KIND_STRUCTURE },
};

static inline void end_library(const bool *started)
{
        if (*started)
                xmp_terminate();
}

static inline void free_xmp(XmpPtr *xmp)
{
        if (*xmp)
                (void)xmp_free(*xmp);
}

static inline void free_string(XmpStringPtr *string)
{
        if (*string)
                xmp_string_free(*string);
}

/* With the namespaces that it does not know, under the names by which fields are asked for. */
static bool start_library(void)
{
        return xmp_init() && xmp_register_namespace(NS_IPTC_EXT, "Iptc4xmpExt", NULL) &&
               xmp_register_namespace(NS_IPTC_CORE, "Iptc4xmpCore", NULL) && xmp_register_namespace(NS_PLUS, "plus", NULL);
}

/* --- to a packet --- */

static bool set_value(XmpPtr xmp, Mark mark, const char *value)
{
        const char *ns = properties[mark].ns, *property = properties[mark].property;

        switch (properties[mark].kind) {
        case KIND_LANGUAGES:
                return xmp_set_localized_text(xmp, ns, property, "", "x-default", value, 0);
        case KIND_LIST:
                return xmp_append_array_item(xmp, ns, property, XMP_PROP_ARRAY_IS_ORDERED, value, 0);
        case KIND_STRUCTURE:
                return xmp_append_array_item(xmp, ns, property, XMP_PROP_ARRAY_IS_ORDERED, NULL, XMP_PROP_VALUE_IS_STRUCT) &&
                       xmp_set_property(xmp, ns, properties[mark].field, value, 0);
        default:
                return xmp_set_property(xmp, ns, property, value, 0);
        }
}

/* Into xmp, in the place of what it says there, and all of it to the packet. */
static int serialize(XmpPtr xmp, const Marks *marks, bool with_prompt, XmpStringPtr packet)
{
        if (!xmp)
                return -ENOMEM;
        for (Mark i = 0; i < MARK_MAX; i++) {
                if (!marks->values[i] || (!with_prompt && (i == MARK_PROMPT || i == MARK_ALT_TEXT)))
                        continue;
                if (xmp_has_property(xmp, properties[i].ns, properties[i].property))
                        (void)xmp_delete_property(xmp, properties[i].ns, properties[i].property);
                if (!set_value(xmp, i, marks->values[i]))
                        return -EIO;
        }
        return xmp_serialize(xmp, packet, XMP_SERIAL_OMITPACKETWRAPPER | XMP_SERIAL_USECOMPACTFORMAT, 0) ? 0 : -EIO;
}

static int serialize_new(const Marks *marks, bool with_prompt, XmpStringPtr packet)
{
        _cleanup_(free_xmp) XmpPtr xmp = xmp_new_empty();
        return serialize(xmp, marks, with_prompt, packet);
}

static int take_text(XmpStringPtr packet, char **ret, size_t *ret_size)
{
        char *text = strdup(xmp_string_cstr(packet));

        if (!text)
                return -ENOMEM;
        *ret = text;
        *ret_size = strlen(text);
        return 0;
}

int xmp_write(const Marks *marks, size_t most, char **ret, size_t *ret_size)
{
        _cleanup_(end_library) const bool started = start_library();
        _cleanup_(free_string) XmpStringPtr packet = started ? xmp_string_new() : NULL;
        if (!packet)
                return -EIO;

        int r = serialize_new(marks, true, packet);
        if (r >= 0 && xmp_string_len(packet) > most)
                r = serialize_new(marks, false, packet);
        return r < 0 ? r : take_text(packet, ret, ret_size);
}

/* --- from a packet --- */

static bool get_value(XmpPtr xmp, Mark mark, XmpStringPtr ret)
{
        const char *ns = properties[mark].ns, *property = properties[mark].property;

        switch (properties[mark].kind) {
        case KIND_LANGUAGES:
                return xmp_get_localized_text(xmp, ns, property, "", "x-default", NULL, ret, NULL);
        case KIND_LIST:
                return xmp_get_array_item(xmp, ns, property, 1, ret, NULL);
        case KIND_STRUCTURE:
                return xmp_get_property(xmp, ns, properties[mark].field, ret, NULL);
        default:
                return xmp_get_property(xmp, ns, property, ret, NULL);
        }
}

/* What follows a piece of markup that begins at `at`, or NULL if it does not end. */
static const char *skip_markup(const char *at, const char *end)
{
        static const struct {
                const char *start, *stop;
        } others[] = { { "<!--", "-->" }, { "<![CDATA[", "]]>" }, { "<?", "?>" } };
        char quote = 0;

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if ((size_t)(end - at) > strlen(others[i].start) && memcmp(at, others[i].start, strlen(others[i].start)) == 0) {
                        const char *stop = memmem(at, (size_t)(end - at), others[i].stop, strlen(others[i].stop));
                        return stop ? stop + strlen(others[i].stop) : NULL;
                }
        for (; at < end; at++)
                if (quote)
                        quote = *at == quote ? 0 : quote;
                else if (*at == '"' || *at == '\'')
                        quote = *at;
                else if (*at == '>')
                        return at + 1;
        return NULL;
}

/* Whether the library may see it: XMP has no document types (ISO 16684-1, 7.3.3), and nobody needs many levels. */
static bool is_harmless(const char *packet, size_t size)
{
        const char *end = packet + size, *next;
        int depth = 0;

        if (size == 0 || size > XMP_SIZE_MAX || memmem(packet, size, "<!DOCTYPE", 9))
                return false;
        for (const char *at = packet; (at = memchr(at, '<', (size_t)(end - at))); at = next) {
                next = skip_markup(at, end);
                if (!next)
                        return false;
                if (at[1] == '/')
                        depth--;
                else if (at[1] != '?' && at[1] != '!' && next[-2] != '/' && ++depth > DEPTH_MAX)
                        return false;
        }
        return true;
}

int xmp_read(const char *packet, size_t size, Marks *marks)
{
        if (!is_harmless(packet, size))
                return -EBADMSG;
        _cleanup_(end_library) const bool started = start_library();
        _cleanup_(free_xmp) XmpPtr xmp = started ? xmp_new(packet, size) : NULL;
        _cleanup_(free_string) XmpStringPtr value = started ? xmp_string_new() : NULL;
        int r = 0;

        if (!value)
                return -ENOMEM;
        if (!xmp)
                return -EBADMSG;
        for (Mark i = 0; i < MARK_MAX && r >= 0; i++)
                if (xmp_has_property(xmp, properties[i].ns, properties[i].property) && get_value(xmp, i, value))
                        r = marks_set(marks, i, "%s", xmp_string_cstr(value));
        return r;
}

int xmp_change(const char *packet, size_t packet_size, const Marks *marks, size_t most, char **ret, size_t *ret_size)
{
        _cleanup_(end_library) const bool started = start_library();
        const bool is_kept = started && packet && is_harmless(packet, packet_size);
        _cleanup_(free_xmp) XmpPtr xmp = is_kept ? xmp_new(packet, packet_size) : NULL;
        _cleanup_(free_string) XmpStringPtr changed = started ? xmp_string_new() : NULL;
        if (!changed)
                return -EIO;

        int r = xmp ? serialize(xmp, marks, true, changed) : serialize_new(marks, true, changed);
        if (r >= 0 && xmp_string_len(changed) > most)
                r = -EFBIG;
        return r < 0 ? r : take_text(changed, ret, ret_size);
}
