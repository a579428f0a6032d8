/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The machine falls asleep and wakes up, as a stand-in for logind says: the engine stands still meanwhile, and the job comes
 * to its end in the same process. */

#include "inputs.h"

#define LOGIN "org.freedesktop.login1"
#define LOGIN_PATH "/org/freedesktop/login1"
#define LOGIN_MANAGER LOGIN ".Manager"

#define DRAWING "seed", "t", UINT64_C(7), "width", "u", 192, "height", "u", 192, "steps", "u", 60

static Place machine, user;
static pid_t login;

/* --- the stand-in --- */

/* The method is the test's own. */
static int on_sleep(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        int asleep;
        (void)userdata, (void)error;

        CHECK(sd_bus_message_read(call, "b", &asleep) >= 0);
        CHECK(sd_bus_emit_signal(
                              sd_bus_message_get_bus(call), LOGIN_PATH, LOGIN_MANAGER, "PrepareForSleep", "b", asleep) >= 0);
        return sd_bus_reply_method_return(call, NULL);
}

static const sd_bus_vtable login_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Sleep", "b", NULL, on_sleep, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("PrepareForSleep", "b", 0),
        SD_BUS_VTABLE_END,
};

static void start_login(void)
{
        login = fork_child();
        if (login == 0) {
                sd_bus *bus = place_connect(&machine);
                CHECK(sd_bus_add_object_vtable(bus, NULL, LOGIN_PATH, LOGIN_MANAGER, login_vtable, NULL) >= 0);
                CHECK(sd_bus_request_name(bus, LOGIN, 0) >= 0);
                for (;;)
                        if (sd_bus_process(bus, NULL) == 0)
                                (void)sd_bus_wait(bus, UINT64_MAX);
        }
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&machine);
        while (sd_bus_call_method(bus, LOGIN, "/", "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, NULL) == -EHOSTUNREACH)
                sleep_ms(5);
}

static void end_login(void)
{
        if (login > 0) {
                (void)kill(login, SIGKILL);
                (void)waitpid(login, NULL, 0);
        }
        login = 0;
}

static void say_sleep(sd_bus *bus, bool asleep)
{
        assert_true(sd_bus_call_method(bus, LOGIN, LOGIN_PATH, LOGIN_MANAGER, "Sleep", NULL, NULL, "b", asleep) >= 0);
}

/* --- the engine --- */

static bool is_stopped(pid_t pid)
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        _cleanup_(freep) char *text = read_text_file(path);
        const char *name_end = strrchr(text, ')');
        assert_non_null(name_end);
        return name_end[2] == 'T';
}

static void wait_until_stopped(pid_t pid, bool wanted)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;

        while (is_stopped(pid) != wanted) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
}

/* A job that is at work, and stays so until place_release(). */
static pid_t begin(const Place *place, sd_bus *bus, JobRef *job)
{
        place_hold(place, 2);
        assert_true(generate(bus, job, "x", 2, "model", "s", "stub-slow", "steps", "u", 4) >= 0);
        assert_true(wait_for_state(bus, job->path, IMAGINE_STATE_RUNNING));
        return place_worker(place);
}

static void finish(const Place *place, sd_bus *bus, const JobRef *job, pid_t worker)
{
        place_release(place);
        assert_true(wait_for_state(bus, job->path, IMAGINE_STATE_DONE));
        assert_int_equal(place_worker(place), worker);
}

/* Says it until it is heard: who logind is, is asked when there is work. */
static void fall_asleep(sd_bus *system_bus, pid_t worker)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;

        while (!is_stopped(worker)) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                say_sleep(system_bus, true);
                sleep_ms(20);
        }
}

/* --- the tests --- */

static void open_machine(void)
{
        place_open_with(&machine, "stub-slow");
        start_login();
        place_start_service(&machine, "worker_ping_seconds = 3;");
}

static int teardown(void **state)
{
        (void)state;
        end_login();
        place_abandon(&user);
        place_abandon(&machine);
        return 0;
}

/* The machine's instance, asleep in the middle of a job. */
static pid_t fall_asleep_at_work(sd_bus **ret, JobRef *ret_job)
{
        if (!is_root())
                skip();
        open_machine();
        *ret = place_connect(&machine);
        pid_t worker = begin(&machine, *ret, ret_job);
        fall_asleep(*ret, worker);
        return worker;
}

/* For longer than an engine may be silent. */
static void test_suspend_and_resume(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = NULL;
        JobRef job;
        (void)state;

        pid_t worker = fall_asleep_at_work(&bus, &job);
        sleep_ms(4000);
        assert_true(is_stopped(worker));
        say_sleep(bus, false);
        wait_until_stopped(worker, false);
        finish(&machine, bus, &job, worker);
        place_close(&machine);
}

/* Who is gone cannot say that the night is over. */
static void test_logind_goes(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = NULL;
        JobRef job;
        (void)state;

        pid_t worker = fall_asleep_at_work(&bus, &job);
        end_login();
        wait_until_stopped(worker, false);
        /* The next one is heard as well. */
        start_login();
        fall_asleep(bus, worker);
        say_sleep(bus, false);
        wait_until_stopped(worker, false);
        finish(&machine, bus, &job, worker);
        place_close(&machine);
}

static int forge(sd_bus *bus, void *data)
{
        (void)data;
        for (int i = 1; i < 12; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
                char name[32];
                (void)snprintf(name, sizeof(name), ":1.%d", i);
                CHECK(sd_bus_message_new_signal(bus, &signal, LOGIN_PATH, LOGIN_MANAGER, "PrepareForSleep") >= 0);
                CHECK(sd_bus_message_append(signal, "b", true) >= 0);
                CHECK(sd_bus_message_set_destination(signal, name) >= 0);
                CHECK(sd_bus_send(bus, signal, NULL) >= 0);
        }
        CHECK(sd_bus_emit_signal(bus, LOGIN_PATH, LOGIN_MANAGER, "PrepareForSleep", "b", true) >= 0);
        CHECK(sd_bus_flush(bus) >= 0);
        return 0;
}

static void test_strangers(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = NULL;
        JobRef job;
        (void)state;

        pid_t worker = fall_asleep_at_work(&bus, &job);
        say_sleep(bus, false);
        wait_until_stopped(worker, false);
        as_user(&machine, "nobody", forge, NULL);
        /* Answered after what came before. */
        assert_true(manager_call(bus, "ListJobs", NULL, NULL, NULL) >= 0);
        assert_false(is_stopped(worker));
        finish(&machine, bus, &job, worker);
        place_close(&machine);
}

static void assert_same_bytes(sd_bus *bus, const JobRef *a, const JobRef *b)
{
        _cleanup_(closep) int one = get_result(bus, a->path, 0, NULL), other = get_result(bus, b->path, 0, NULL);
        assert_true(one >= 0 && other >= 0);
        assert_true(are_same(one, other));
}

/* At work, by way of the user's instance; then it stands still. False: it has ended before. */
static bool begin_forwarded(sd_bus *bus, JobRef *job, pid_t engine)
{
        char text[64];

        assert_true(generate(bus, job, "a fox", 4, DRAWING) >= 0);
        for (uint32_t step = 0; step == 0; sleep_ms(1)) {
                assert_true(job_u32(bus, job->path, "Step", &step) >= 0);
                assert_true(job_string(bus, job->path, "State", text) >= 0);
                if (state_is_final(text))
                        return false;
        }
        assert_int_equal(kill(engine, SIGSTOP), 0);
        hear_what_came(bus);
        assert_true(job_string(bus, job->path, "State", text) >= 0);
        return streq(text, IMAGINE_STATE_RUNNING);
}

/* A job that was sent to the machine's instance: the night costs it none of its bytes. */
static void test_forwarded(void **state)
{
        JobRef job, quiet;
        (void)state;

        if (!is_root())
                skip();
        place_open(&machine);
        machine.has_engine = true;
        place_add_tiny_model(&machine);
        start_login();
        place_start_service(&machine, "default_model = \"tiny\"; threads = 1; worker_ping_seconds = 3;");
        place_open_bus(&user, true);
        user.system_address = machine.address;
        place_start_service(&user, "engine = \"system\";");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&machine);

        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "") >= 0);
        pid_t engine = place_worker(&machine);
        for (int i = 0; !begin_forwarded(bus, &job, engine); i++) {
                assert_true(i < 20);
                assert_int_equal(kill(engine, SIGCONT), 0);
        }
        say_sleep(system_bus, true);
        wait_for_log(&machine, "The machine falls asleep");
        sleep_ms(4000); /* longer than an engine may be silent */
        assert_true(is_stopped(engine));
        say_sleep(system_bus, false);
        wait_until_stopped(engine, false);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_int_equal(place_worker(&machine), engine);
        assert_int_equal(place_worker(&user), 0);

        assert_true(generate(bus, &quiet, "a fox", 4, DRAWING) >= 0);
        assert_true(wait_for_state(bus, quiet.path, IMAGINE_STATE_DONE));
        assert_same_bytes(bus, &job, &quiet);
        place_close(&user);
        end_login();
        place_close(&machine);
}

/* A user's instance that computes hears of it over the system bus. */
static void test_user(void **state)
{
        JobRef job;
        (void)state;

        if (!is_root())
                skip();
        place_open(&machine);
        start_login();
        place_open_bus(&user, true);
        place_add_model(&user, "stub-slow");
        user.system_address = machine.address;
        place_start_service(&user, "engine = \"own\"; worker_ping_seconds = 3;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&user), *system_bus = place_connect(&machine);
        pid_t worker = begin(&user, bus, &job);
        fall_asleep(system_bus, worker);
        say_sleep(system_bus, false);
        wait_until_stopped(worker, false);
        finish(&user, bus, &job, worker);
        place_close(&user);
        end_login();
        place_close(&machine);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(test_suspend_and_resume, teardown),
                cmocka_unit_test_teardown(test_logind_goes, teardown),
                cmocka_unit_test_teardown(test_strangers, teardown),
                cmocka_unit_test_teardown(test_user, teardown),
                cmocka_unit_test_teardown(test_forwarded, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
