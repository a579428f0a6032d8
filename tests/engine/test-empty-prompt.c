/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a model's card puts in the place of a prompt without words. */

#include "tests/engine/changed-model.h"

#define CARD "sed -i 's/\"native_size\"/\"empty_prompt\": \"a red fox\", &/' imagined.json"

static void draw(Engine *engine, const char *prompt, Picture *ret)
{
        _cleanup_(freep) Request *request = new_request();

        (void)snprintf(request->prompt, sizeof(request->prompt), "%s", prompt);
        request->seed = 7;
        paint(engine, request, ret);
}

static void
assert_same(Engine *engine, const char *prompt, Engine *other, const char *other_prompt, bool same)
{
        _cleanup_(picture_done) Picture a = {}, b = {};

        draw(engine, prompt, &a);
        draw(other, other_prompt, &b);
        assert_int_equal(are_equal(&a, &b), same);
}

static void test_stands_in(void **state)
{
        (void)state;
        char dir[32];
        make_model(dir, CARD);
        _cleanup_(engine_freep) Engine *engine = open_engine(dir, 1), *plain = open_engine(TINY, 1);

        assert_same(engine, "", plain, "a red fox", true);
        assert_same(engine, "  ", plain, "a red fox", true);
        assert_same(plain, "", plain, "a red fox", false);
        assert_same(engine, "an owl", plain, "an owl", true);
        remove_model(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_stands_in) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
