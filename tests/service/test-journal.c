/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The journal: each kind of event comes with its message id and its fields, and without a prompt. The test is the journal. */

#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "calls.h"
#include "service/journal.h"

#define SOCKET_DIRECTORY "/run/systemd/journal"
#define LONG_JOB "width", "u", 128, "height", "u", 128, "steps", "u", 500, "priority", "s"

static Place place;
static char fifo[128]; /* tells that memory is short */
static int journal = -1;
static char entries[1 << 18]; /* all that ever came, each behind an empty line */

static const char *const ids[] = {
#define X(event, id, name) [event] = id,
        JOURNAL_EVENTS(X)
#undef X
};

/* In a view of the file system that this process and its children have to themselves. */
static bool be_the_journal(void)
{
        const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET_DIRECTORY "/socket" };

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("imagined-test", "/run", "tmpfs", 0, NULL) < 0)
                return false;
        assert_int_equal(mkdir("/run/systemd", 0755), 0);
        assert_int_equal(mkdir(SOCKET_DIRECTORY, 0755), 0);
        journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(journal, (const struct sockaddr *)&address, sizeof(address)), 0);
        return true;
}

static void take_entry(void)
{
        struct pollfd p = { .fd = journal, .events = POLLIN };
        size_t used = strlen(entries);

        if (poll(&p, 1, 100) <= 0)
                return;
        ssize_t n = recv(journal, entries + used, sizeof(entries) - used - 3, 0);
        assert_true(n > 0);
        (void)snprintf(entries + used + n, 3, "\n\n");
}

/* The entries of an event have that field; waits for one. */
static void assert_entry(JournalEvent event, const char *field)
{
        char id[64];

        (void)snprintf(id, sizeof(id), "MESSAGE_ID=%s\n", ids[event]);
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; !strstr(entries, id); take_entry())
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
        for (const char *p = entries; (p = strstr(p, id)); p++) {
                const char *found = strstr(p, field), *end = strstr(p, "\n\n");
                if (found && found < end)
                        return;
        }
        fail_msg("no %s with %s among\n%s", id, field, entries);
}

static int setup(void **state)
{
        if (!be_the_journal())
                return 0;
        int r = place_set_up_engine(state, &place, NULL);
        (void)snprintf(fifo, sizeof(fifo), "%s/pressure", place.directory);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(setenv("JOURNAL_STREAM", "1:1", 1), 0);
        assert_int_equal(setenv("MEMORY_PRESSURE_WATCH", fifo, 1), 0);
        place_start_service(&place, "default_model = \"tiny\"; threads = 1; log_level = \"debug\";");
        return r;
}

static int tear_down(void **state)
{
        return journal < 0 ? 0 : place_tear_down(state);
}

static void kill_worker_of(sd_bus *bus, const JobRef *job)
{
        pid_t worker;

        assert_true(wait_for_state(bus, job->path, IMAGINE_STATE_RUNNING));
        while ((worker = place_worker(&place)) == 0)
                sleep_ms(5);
        assert_int_equal(kill(worker, SIGKILL), 0);
        assert_true(is_gone(worker));
}

static void test_jobs(void **state)
{
        JobRef slow, urgent, doomed;
        char field[64];
        (void)state;

        if (journal < 0)
                skip();
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &slow, "a secret fox", 4, LONG_JOB, "batch") >= 0);
        assert_entry(JOURNAL_JOB_QUEUED, "IMAGINED_JOB=1\n");
        assert_true(wait_for_state(bus, slow.path, IMAGINE_STATE_RUNNING));
        assert_entry(JOURNAL_MODEL_READY, "IMAGINED_MODEL=tiny\n");
        assert_entry(JOURNAL_JOB_BEGUN, "IMAGINED_STAGE=");
        (void)snprintf(field, sizeof(field), "IMAGINED_UID=%u\n", getuid());
        assert_entry(JOURNAL_JOB_BEGUN, field);

        assert_true(generate(bus, &urgent, "a secret hare", 4, "priority", "s", "interactive", "width", "u", 64, "height", "u", 64,
                             "steps", "u", 1) >= 0);
        assert_entry(JOURNAL_JOB_PARKED, "IMAGINED_JOB=1\n");
        assert_entry(JOURNAL_JOB_DONE, "IMAGINED_JOB=2\n");
        assert_true(job_call(bus, slow.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_entry(JOURNAL_JOB_CANCELLED, "IMAGINED_JOB=1\n");

        assert_true(generate(bus, &doomed, "a secret owl", 4, LONG_JOB, "batch") >= 0);
        kill_worker_of(bus, &doomed);
        assert_entry(JOURNAL_ENGINE_FAILED, "IMAGINED_MODEL=tiny\n");
        kill_worker_of(bus, &doomed);
        assert_entry(JOURNAL_JOB_FAILED, "IMAGINED_ERROR=" IMAGINE_ERROR_WORKER_DIED "\n");
        assert_null(strstr(entries, "secret"));
}

static void test_models(void **state)
{
        (void)state;

        if (journal < 0)
                skip();
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int fd = open(fifo, O_WRONLY | O_CLOEXEC);
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "tiny") >= 0);
        assert_int_equal(write(fd, "x", 1), 1);
        assert_entry(JOURNAL_MEMORY_SHORT, "IMAGINED_MODEL=tiny\n");
        assert_entry(JOURNAL_MODEL_GONE, "IMAGINED_MODEL=tiny\n");
}

/* The administrator's page has them all. */
static void test_the_table(void **state)
{
        _cleanup_(freep) char *page = read_text_file("docs/admin.md");
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                assert_non_null(strstr(page, ids[i]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_jobs),
                cmocka_unit_test(test_models),
                cmocka_unit_test(test_the_table),
        };
        return cmocka_run_group_tests(tests, setup, tear_down);
}
