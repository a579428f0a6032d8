/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* imagined: options, configuration, bus, event loop; nothing else. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "base/base-directory.h"
#include "base/log.h"
#include "base/util.h"
#include "service/service.h"

#define CONFIG_FILE SYSCONFDIR "/imagined/imagined.conf"
/* Each kept picture is a descriptor. */
#define DESCRIPTORS 16384

typedef struct Arguments {
        bool system;
        bool check_config;
        const char *config; /* NULL: the usual files */
} Arguments;

static void print_help(void)
{
        (void)puts("imagined [OPTION…]\n\n"
                   "Keeps a text-to-image model in memory and shares it over D-Bus.\n\n"
                   "      --system        serve the machine on the system bus (by default for root)\n"
                   "      --user          serve the user on the session bus (by default for others)\n"
                   "      --config=FILE   read this file instead of " CONFIG_FILE "\n"
                   "      --check-config  read the configuration, say what is wrong with it, and exit\n"
                   "      --help          show this and exit\n"
                   "      --version       show the version and exit\n\n"
                   "See imagined(8) and imagined.conf(5).");
}

/* Returns 1 to go on, 0 when all is done, -EINVAL for what cannot be understood. */
static int parse_arguments(int argc, char *argv[], Arguments *ret)
{
        enum { SYSTEM = 256, USER, CONFIG, CHECK, HELP, VERSION_OPTION };
        static const struct option options[] = {
                { "system", no_argument, NULL, SYSTEM },
                { "user", no_argument, NULL, USER },
                { "config", required_argument, NULL, CONFIG },
                { "check-config", no_argument, NULL, CHECK },
                { "help", no_argument, NULL, HELP },
                { "version", no_argument, NULL, VERSION_OPTION },
                {},
        };

        *ret = (Arguments) { .system = geteuid() == 0 };
        for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;) {
                switch (c) {
                case SYSTEM:
                case USER:
                        ret->system = c == SYSTEM;
                        break;
                case CONFIG:
                        ret->config = optarg;
                        break;
                case CHECK:
                        ret->check_config = true;
                        break;
                case 'h':
                case HELP:
                        print_help();
                        return 0;
                case VERSION_OPTION:
                        (void)puts("imagined " VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        }
        if (optind < argc) {
                log_error("%s: unexpected argument; see --help", argv[optind]);
                return -EINVAL;
        }
        return 1;
}

/* A file that need not be there. */
static int load_optional(Config *config, const char *path, Error *error)
{
        int r = config_load(config, path, error);
        if (r == -ENOENT) {
                *error = (Error) {};
                return 0;
        }
        return r;
}

/* The file that remembers digests: in the directory that systemd has made, or the user's own. NULL: none. */
static char *digest_cache(const Arguments *arguments)
{
        const char *directory = getenv("CACHE_DIRECTORY");
        char *path = NULL;

        if (directory && directory[0] == '/' && !strchr(directory, ':'))
                return asprintf(&path, "%s/digests.json", directory) < 0 ? NULL : path;
        if (arguments->config || arguments->system)
                return NULL;
        return base_directory_path(BASE_CACHE, "imagined/digests.json");
}

/* What is the user's own: directories of models and of the prompt generator, and a file that is read after the machine's. */
static int read_personal(Config *config, Error *error)
{
        _cleanup_(freep) char *models = base_directory_path(BASE_DATA, "imagined/models");
        _cleanup_(freep) char *file = base_directory_path(BASE_CONFIG, "imagined/imagined.conf");
        _cleanup_(freep) char *prompts = base_directory_path(BASE_CONFIG, "imagined/prompts");

        int r = file ? load_optional(config, file, error) : 0;
        if (r >= 0 && models)
                r = config_prepend_models(config, models);
        if (r >= 0 && prompts)
                r = config_prepend_prompts(config, prompts);
        return r;
}

static int read_config(Config **ret, void *userdata, Error *error)
{
        const Arguments *arguments = userdata;
        _cleanup_(config_freep) Config *config = NULL;

        int r = config_new(&config);
        if (r < 0)
                return error_set(error, r, "No configuration: %s", strerror(-r));
        if (arguments->config)
                r = config_load(config, arguments->config, error);
        else
                r = load_optional(config, CONFIG_FILE, error);
        if (r >= 0 && !arguments->config && !arguments->system)
                r = read_personal(config, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(config);
        return 0;
}

static int on_stop_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        (void)source, (void)info;
        service_stop(userdata);
        return 0;
}

static int on_reload_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
        (void)source, (void)info;
        service_reload(userdata);
        return 0;
}

static int handle_signals(sd_event *event, Service *service)
{
        int r = sd_event_add_signal(event, NULL, SIGTERM, on_stop_signal, service);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, on_stop_signal, service);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGHUP, on_reload_signal, service);
        return r;
}

/* Signals are taken from the event loop, in every thread that may come. */
static void block_signals(void)
{
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
        (void)sigaddset(&set, SIGHUP);
        (void)sigaddset(&set, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &set, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is as a full disk */
}

static void raise_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
                return;
        limit.rlim_cur = MIN(limit.rlim_max, DESCRIPTORS);
        (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_bus(sd_bus **ret, sd_event *event, bool system)
{
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;

        int r = system ? sd_bus_open_system_with_description(&bus, "imagined")
                       : sd_bus_open_user_with_description(&bus, "imagined");
        if (r < 0)
                return r;
        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        /* Without it the service would outlive its bus; the next bus starts another one. */
        r = sd_bus_set_exit_on_disconnect(bus, true);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

static int serve(const Arguments *arguments, Config *config)
{
        _cleanup_(config_freep) Config *owned = config;
        _cleanup_(freep) char *cache = digest_cache(arguments);
        _cleanup_(service_freep) Service *service = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;

        int r = sd_event_default(&event);
        if (r < 0)
                return log_error_errno(r, "There is no event loop");
        (void)sd_event_set_watchdog(event, true);
        r = open_bus(&bus, event, arguments->system);
        if (r < 0)
                return log_error_errno(r, "The %s bus cannot be reached", arguments->system ? "system" : "session");

        r = service_new(&service, event, bus, TAKE_PTR(owned), cache, read_config, (void *)arguments);
        if (r < 0)
                return log_error_errno(r, "The service cannot be set up");
        r = handle_signals(event, service);
        if (r < 0)
                return log_error_errno(r, "Signals cannot be handled");
        r = service_start(service);
        if (r < 0)
                return r;
        return sd_event_loop(event);
}

/* Prompts and pictures are in memory: no core files of them, also where no unit says so. */
static void leave_no_core(void)
{
        (void)setrlimit(RLIMIT_CORE, &(struct rlimit) { .rlim_cur = 0, .rlim_max = 0 });
}

int main(int argc, char *argv[])
{
        _cleanup_(config_freep) Config *config = NULL;
        Arguments arguments;
        Error error = {};

        block_signals();
        raise_descriptors();
        leave_no_core();
        int r = parse_arguments(argc, argv, &arguments);
        if (r <= 0)
                return r < 0 ? EX_USAGE : EXIT_SUCCESS;

        r = read_config(&config, &arguments, &error);
        if (r < 0) {
                if (r != -EINVAL) /* faults in a file were logged one by one */
                        log_error("%s", error.text);
                return EX_CONFIG;
        }
        if (arguments.check_config)
                return EXIT_SUCCESS;

        log_set_max_level(config_log_level(config));
        r = serve(&arguments, TAKE_PTR(config));
        if (r > 0)
                log_error("The bus is gone");
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
