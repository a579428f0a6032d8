/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a drawn picture's file says of it, and packets of XMP: ours, and those of strangers. tests/e2e/marks.sh has other
 * programs read them. */

#include "tests/engine/fixtures.h"

#include "engine/image/drawn-marks.h"
#include "engine/image/texts.h"
#include "marks/alt-text.h"
#include "marks/xmp.h"

static const Resolved resolved = { .width = 64, .height = 64, .steps = 20, .sampler = SAMPLER_EULER, .guidance = 7, .prompt_tokens = 3 };

static void draw(Marks *ret, const Request *request, const char *license)
{
        assert_int_equal(drawn_marks(ret, request, &resolved, 0, &(DrawnBy) { "sprites", "0.5", license }), 0);
}

static void assert_mark(const Marks *marks, Mark mark, const char *value)
{
        if (value)
                assert_string_equal(marks->values[mark] ? marks->values[mark] : "(none)", value);
        else
                assert_null(marks->values[mark]);
}

static Request *a_request(void)
{
        Request *q = calloc(1, sizeof(*q));

        assert_non_null(q);
        request_init(q);
        (void)strcpy(q->prompt, "a (red:1.3) fox <lora:a:1>");
        (void)strcpy(q->negative_prompt, "blur");
        (void)strcpy(q->creator, "Jo");
        q->created = 1700000000;
        return q;
}

static void test_drawn(void **state)
{
        _cleanup_(freep) Request *q = a_request();
        _cleanup_(marks_done) Marks marks = {}, bare = {}, composite = {};
        (void)state;

        draw(&marks, q, "CC-BY-4.0");
        assert_mark(&marks, MARK_SOURCE_TYPE, SOURCE_TYPE_TRAINED);
        assert_mark(&marks, MARK_SYSTEM, "sprites");
        assert_mark(&marks, MARK_SYSTEM_VERSION, "0.5");
        assert_mark(&marks, MARK_PROMPT, "a (red:1.3) fox <lora:a:1>\nNegative prompt: blur");
        assert_mark(&marks, MARK_PROMPT_WRITER, "Jo");
        assert_mark(&marks, MARK_CREATOR, "Jo");
        assert_mark(&marks, MARK_ALT_TEXT, "a red fox");
        assert_mark(&marks, MARK_USAGE_TERMS, "Drawn by a model under CC-BY-4.0");
        assert_mark(&marks, MARK_WEB_STATEMENT, "https://creativecommons.org/licenses/by/4.0/");
        assert_mark(&marks, MARK_DATE, "2023-11-14T22:13:20Z");
        assert_mark(&marks, MARK_CREATOR_TOOL, "imagined " VERSION);
        assert_mark(&marks, MARK_PROVIDER, "imagined");
        assert_non_null(strstr(marks.parameters, "Seed: 0"));

        /* Without the prompts nothing tells of them; what the caller says of the picture stays. */
        q->prompt_metadata = false;
        q->created = 0;
        draw(&bare, q, "");
        for (Mark i = 0; i < MARK_MAX; i++)
                assert_true(!bare.values[i] || (!strstr(bare.values[i], "fox") && !strstr(bare.values[i], "blur")));
        assert_null(strstr(bare.parameters, "fox"));
        assert_mark(&bare, MARK_PROMPT_WRITER, NULL);
        assert_mark(&bare, MARK_SOURCE_TYPE, SOURCE_TYPE_TRAINED);
        assert_mark(&bare, MARK_DATE, NULL);
        assert_mark(&bare, MARK_USAGE_TERMS, NULL);
        assert_mark(&bare, MARK_WEB_STATEMENT, NULL);

        (void)strcpy(q->alt_text, "Ein Fuchs");
        q->inputs = 1U << INPUT_IMAGE;
        draw(&composite, q, "Secret");
        assert_mark(&composite, MARK_SOURCE_TYPE, SOURCE_TYPE_COMPOSITE);
        assert_mark(&composite, MARK_ALT_TEXT, "Ein Fuchs");
        assert_mark(&composite, MARK_USAGE_TERMS, "Drawn by a model under Secret");
        assert_mark(&composite, MARK_WEB_STATEMENT, NULL);
}

static void test_alt_text(void **state)
{
        static const char *const cases[][2] = {
                { "", "" },
                { "a fox", "a fox" },
                { "((a)) [fox:0.5], {b}", "a fox:0.5, b" },
                { "(a fox:1.25), <lora:x:1> in\nsnow, ", "a fox, in snow" },
                { "at 3:00) <", "at 3 <" },
                { "  a \t b  ", "a b" },
                { "<lora:x:1>", "" },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[64];
                (void)snprintf(text, sizeof(text), "%s", cases[i][0]);
                alt_text_from_prompt(text);
                assert_string_equal(text, cases[i][1]);
        }
}

/* Every mark, with whatever XML has a meaning for, comes back; the same marks are the same bytes. */
static void test_round_trip(void **state)
{
        _cleanup_(marks_done) Marks marks = {}, back = {};
        _cleanup_(freep) char *packet = NULL, *again = NULL;
        size_t size, again_size;
        (void)state;

        for (Mark i = 0; i < MARK_MAX; i++)
                assert_int_equal(marks_set(&marks, i, "%d <a href=\"x\">&amp;]]>\n'日本' \xf0\x9f\xa6\x8a", (int)i), 0);
        assert_int_equal(xmp_write(&marks, SIZE_MAX, &packet, &size), 0);
        assert_int_equal(xmp_write(&marks, SIZE_MAX, &again, &again_size), 0);
        assert_int_equal(size, strlen(packet));
        assert_int_equal(size, again_size);
        assert_memory_equal(packet, again, size);
        assert_int_equal(xmp_read(packet, size, &back), 0);
        for (Mark i = 0; i < MARK_MAX; i++)
                assert_mark(&back, i, marks.values[i]);
}

static void test_nothing_to_say(void **state)
{
        _cleanup_(marks_done) Marks marks = {}, back = {};
        _cleanup_(freep) char *packet = NULL;
        size_t size;
        (void)state;

        assert_int_equal(xmp_write(&marks, SIZE_MAX, &packet, &size), 0);
        assert_int_equal(xmp_read(packet, size, &back), 0);
        for (Mark i = 0; i < MARK_MAX; i++)
                assert_null(back.values[i]);
}

/* XML has no place for control characters, broken UTF-8 and two code points. */
static void test_unwritable(void **state)
{
        _cleanup_(marks_done) Marks marks = {}, back = {};
        _cleanup_(freep) char *packet = NULL;
        size_t size;
        (void)state;

        assert_int_equal(marks_set(&marks, MARK_PROMPT, "a\1b\x1f" "c\ud7ff\uffff\ufffe" "d\xff" "e\tf"), 0);
        assert_mark(&marks, MARK_PROMPT, "a b c\ud7ff??????d?e\tf");
        assert_int_equal(xmp_write(&marks, SIZE_MAX, &packet, &size), 0);
        assert_int_equal(xmp_read(packet, size, &back), 0);
        assert_mark(&back, MARK_PROMPT, marks.values[MARK_PROMPT]);
        assert_int_equal(marks_set(&marks, MARK_PROMPT, "%s", ""), 0);
        assert_mark(&marks, MARK_PROMPT, NULL);
}

/* Prompts that do not fit into a JPEG's segment stay out of its packet; the settings have them. */
static void test_too_long(void **state)
{
        _cleanup_(freep) char *packet = NULL, *brackets = calloc(1, 2 * REQUEST_PROMPT_MAX + 1);
        _cleanup_(marks_done) Marks marks = {}, back = {};
        size_t size;
        (void)state;

        assert_non_null(brackets);
        memset(brackets, '"', (size_t)2 * REQUEST_PROMPT_MAX);
        assert_int_equal(marks_set(&marks, MARK_PROMPT, "%s", brackets), 0);
        assert_int_equal(marks_set(&marks, MARK_SYSTEM, "sprites"), 0);
        assert_int_equal(xmp_write(&marks, XMP_IN_FILE_MAX, &packet, &size), 0);
        assert_true(size <= XMP_IN_FILE_MAX);
        assert_int_equal(xmp_read(packet, size, &back), 0);
        assert_mark(&back, MARK_PROMPT, NULL);
        assert_mark(&back, MARK_SYSTEM, "sprites");
}

#define PACKET(prefix, body)                                                                                       \
        "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "            \
        "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' xmlns:" prefix         \
        "='http://iptc.org/std/Iptc4xmpExt/2008-02-29/'>" body "</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"

static int read_text(const char *packet, Marks *ret)
{
        return xmp_read(packet, strlen(packet), ret);
}

static void test_of_others(void **state)
{
        _cleanup_(marks_done) Marks marks = {};
        (void)state;

        /* The namespace counts, not its short name; and an element is as good as an attribute. */
        assert_int_equal(read_text(PACKET("ext", "<ext:AISystemUsed>painter</ext:AISystemUsed>"), &marks), 0);
        assert_mark(&marks, MARK_SYSTEM, "painter");
        assert_int_equal(read_text(PACKET("e", "<e:AISystemUsed><rdf:Bag><rdf:li>x</rdf:li></rdf:Bag></e:AISystemUsed>"), &marks), 0);
}

static void test_bad_packets(void **state)
{
        _cleanup_(marks_done) Marks marks = {};
        _cleanup_(freep) char *large = calloc(1, XMP_SIZE_MAX + 2);
        char *at;
        (void)state;

        assert_int_equal(read_text("", &marks), -EBADMSG);
        assert_int_equal(read_text("<", &marks), -EBADMSG);
        assert_int_equal(read_text("<a b='>", &marks), -EBADMSG);
        assert_int_equal(read_text("<a", &marks), -EBADMSG);
        assert_int_equal(read_text("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", &marks), -EBADMSG);
        (void)read_text("<a></b>", &marks);
        (void)read_text("no markup at all", &marks);

        /* Elements in elements, also where something hides how deep they are. */
        assert_non_null(large);
        at = large;
        while (at < large + 50000)
                at = stpcpy(at, "<a>");
        assert_int_equal(read_text(large, &marks), -EBADMSG);
        at = large;
        while (at < large + 50000)
                at = stpcpy(at, "<a b='/>'><!--</a>-->");
        assert_int_equal(read_text(large, &marks), -EBADMSG);
        memset(large, ' ', XMP_SIZE_MAX + 1);
        assert_int_equal(xmp_read(large, XMP_SIZE_MAX + 1, &marks), -EBADMSG);
        for (Mark i = 0; i < MARK_MAX; i++)
                assert_null(marks.values[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_drawn),          cmocka_unit_test(test_alt_text), cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_nothing_to_say), cmocka_unit_test(test_unwritable), cmocka_unit_test(test_too_long),
                cmocka_unit_test(test_of_others),      cmocka_unit_test(test_bad_packets),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
