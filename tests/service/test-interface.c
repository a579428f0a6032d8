/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The interface file is the contract: what the running service says of itself is the same. */

#include "calls.h"

#define LINES_MAX 512
#define OURS "org.imagined."

/* The members of our interfaces, one line each: interface, member, argument number, name, type, … */
typedef struct Members {
        char *lines[LINES_MAX];
        size_t n;
        /* where the scan is */
        char interface[128], member[160];
        unsigned n_args;
} Members;

static void members_clear(Members *members)
{
        for (size_t i = 0; i < members->n; i++)
                free(members->lines[i]);
        members->n = 0;
}

_printf_(2, 3) static void add(Members *members, const char *format, ...)
{
        va_list ap;
        va_start(ap, format);
        assert_true(members->n < LINES_MAX);
        assert_true(vasprintf(&members->lines[members->n++], format, ap) >= 0);
        va_end(ap);
}

/* The value of an attribute of the tag, or "". */
static void attribute(const char *tag, const char *name, char ret[static 128])
{
        char pattern[64];
        (void)snprintf(pattern, sizeof(pattern), " %s=\"", name);
        const char *p = strstr(tag, pattern);

        ret[0] = '\0';
        if (p)
                (void)snprintf(ret, 128, "%.*s", (int)strcspn(p + strlen(pattern), "\""), p + strlen(pattern));
}

static bool is_tag(const char *tag, const char *name)
{
        size_t n = strlen(name);
        return strncmp(tag, name, n) == 0 && strchr(" />", tag[n] ? tag[n] : '>');
}

static void take_tag(Members *members, const char *tag)
{
        char name[128], type[128], direction[128], value[128];
        attribute(tag, "name", name);
        attribute(tag, "type", type);
        attribute(tag, "direction", direction);
        attribute(tag, "value", value);

        if (is_tag(tag, "interface"))
                (void)snprintf(members->interface, sizeof(members->interface), "%s", name);
        else if (is_tag(tag, "/interface"))
                members->interface[0] = '\0';
        if (strncmp(members->interface, OURS, strlen(OURS)) != 0)
                return;

        if (is_tag(tag, "method") || is_tag(tag, "signal") || is_tag(tag, "property")) {
                char access[128];
                attribute(tag, "access", access);
                (void)snprintf(
                                members->member, sizeof(members->member), "%.*s %s", (int)strcspn(tag, " "), tag, name);
                members->n_args = 0;
                add(members, "%s %s %s %s", members->interface, members->member, type, access);
        } else if (is_tag(tag, "arg")) {
                add(members, "%s %s arg %u %s %s %s", members->interface, members->member, members->n_args++, name,
                    type, direction);
        } else if (is_tag(tag, "annotation") &&
                   !(streq(name, "org.freedesktop.DBus.Property.EmitsChangedSignal") && streq(value, "true"))) {
                /* "true" is what the specification assumes without an annotation. */
                add(members, "%s %s annotation %s %s", members->interface, members->member, name, value);
        }
}

static void scan(Members *members, const char *xml)
{
        for (const char *p = xml; (p = strchr(p, '<'));) {
                const char *end = strncmp(p, "<!--", 4) == 0 ? strstr(p, "-->") : strchr(p, '>');
                assert_non_null(end);
                char tag[512];
                (void)snprintf(tag, sizeof(tag), "%.*s", (int)(end - p - 1), p + 1);
                if (tag[0] != '!' && tag[0] != '?')
                        take_tag(members, tag);
                p = end;
        }
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void introspect(sd_bus *bus, const char *path, Members *members)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *xml;

        assert_true(sd_bus_call_method(
                            bus, IMAGINE_BUS_NAME, path, "org.freedesktop.DBus.Introspectable", "Introspect", NULL,
                            &reply, NULL) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &xml) >= 0);
        scan(members, xml);
}

static void test_the_service_is_what_the_file_says(void **state)
{
        Place place;
        Members written = {}, running = {};
        JobRef job;
        (void)state;

        _cleanup_(freep) char *xml = read_text_file("dbus/org.imagined.Imagine1.xml");
        scan(&written, xml);
        assert_true(written.n > 60);

        place_open_with(&place, "stub");
        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "a fox", 0) >= 0);
        introspect(bus, IMAGINE_PATH, &running);
        introspect(bus, job.path, &running);

        qsort(written.lines, written.n, sizeof(char *), compare);
        qsort(running.lines, running.n, sizeof(char *), compare);
        for (size_t i = 0; i < MIN(written.n, running.n); i++)
                assert_string_equal(running.lines[i], written.lines[i]);
        assert_int_equal(running.n, written.n);

        members_clear(&written);
        members_clear(&running);
        place_close(&place);
}

/* The options in the file's comment, the property, and what Generate takes are the same. */
static void test_supported_options(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name, *type;
        unsigned n = 0;
        Place place;
        (void)state;

        _cleanup_(freep) char *xml = read_text_file("dbus/org.imagined.Imagine1.xml"),
                              *overview = read_text_file("docs/org.imagined.Imagine1.5");
        place_open(&place);
        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(sd_bus_get_property(
                            bus, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "SupportedOptions", NULL,
                            &reply, "a{ss}") >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "{ss}") > 0);
        while (sd_bus_message_read(reply, "{ss}", &name, &type) > 0) {
                /* "        NAME   TYPE  …", or "width, height   u  …" */
                const char *p = strstr(xml, name);
                bool found = false;
                for (; p && !found; p = strstr(p + 1, name)) {
                        const char *q = p + strlen(name);
                        if (p[-1] != ' ')
                                continue;
                        if (*q == ',')
                                q += strcspn(q + 2, " ") + 2;
                        size_t spaces = strspn(q, " ");
                        found = spaces > 0 && strncmp(q + spaces, type, strlen(type)) == 0 &&
                                strncmp(q + spaces + strlen(type), "  ", 2) == 0;
                }
                if (!found)
                        fail_msg("%s %s is not in the interface file", name, type);
                char line[128];
                (void)snprintf(line, sizeof(line), "\n.B %s\n%s", name, type);
                if (!strstr(overview, line))
                        fail_msg("%s %s is not in the overview", name, type);
                n++;
        }
        assert_int_equal(n, 52);
        place_close(&place);
}

static void test_without_models(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        Place place;
        (void)state;

        place_open(&place);
        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate_error(bus, &job, &error, "a fox", 0) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_MODEL);
        assert_true(manager_call(bus, "LoadModel", &error, NULL, "s", "nothing") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_MODEL);
        assert_true(manager_call(bus, "LoadModel", &error, NULL, "s", "/home/me/fox.safetensors") < 0);
        assert_non_null(strstr(error.message, "by name, not by path, and are read only below /"));
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_MODEL);

        assert_true(manager_call(bus, "ListModels", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(sa{sv})") > 0);
        assert_int_equal(sd_bus_message_at_end(reply, false), 1);
        place_close(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_service_is_what_the_file_says),
                cmocka_unit_test(test_supported_options),
                cmocka_unit_test(test_without_models),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
