/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* imagined-engine: the worker that the service starts, and, for tests and bug reports, the engine as a plain
 * command. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cpu.h"
#include "base/log.h"
#include "base/tree.h"
#include "base/util.h"
#include "engine/decode.h"
#include "engine/engine.h"
#include "engine/inspect.h"
#include "engine/kernels/blas.h"
#include "engine/main-options.h"
#include "engine/model/digest.h"
#include "engine/model/file.h"
#include "engine/shrink.h"
#include "engine/verify.h"
#include "engine/worker.h"
#include "workers/sandbox.h"

static int write_file(const char *path, const void *data, size_t size)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "we");
        if (!f)
                return log_error_errno(-errno, "Cannot open %s", path);
        if (fwrite(data, 1, size, f) != size || fflush(f) != 0)
                return log_error_errno(-errno, "Cannot write %s", path);
        return 0;
}

static int read_file(const char *path, const char *field, ReadPicture *ret)
{
        _cleanup_(mapped_file_done) MappedFile file = {};
        Error error = {};

        int r = mapped_file_open(&file, path, READ_BYTES_MAX, &error);
        if (r >= 0)
                r = read_picture(ret, field, file.data, file.size, &error);
        if (r < 0)
                log_error("%s", error.text);
        return r;
}

static int read_source(MainOptions *o, ReadPicture *ret_picture, ReadPicture *ret_mask)
{
        if (o->from && o->request.strength <= 0)
                o->request.strength = 0.75;
        int r = o->from ? read_file(o->from, "from", ret_picture) : 0;
        if (r >= 0 && o->mask)
                r = read_file(o->mask, "mask", ret_mask);
        return r;
}

static int make_picture(MainOptions *o)
{
        _cleanup_(engine_freep) Engine *engine = NULL;
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(read_picture_done) ReadPicture from = {}, mask = {};
        _cleanup_(freep) void *data = NULL;
        size_t size;
        Resolved resolved;
        Error error = {};

        int r = read_source(o, &from, &mask);
        if (r < 0)
                return r;
        r = engine_new(&engine, o->model_dir, o->threads, &error);
        if (r >= 0)
                engine_set_source(engine, o->from ? &from : NULL, o->mask ? &mask : NULL);
        if (r < 0 || (r = engine_resolve(engine, &o->request, &resolved, &error)) < 0 ||
            (r = engine_generate(engine, &o->request, 0, NULL, &picture, &error)) < 0 ||
            (r = engine_encode(engine, &picture, &o->request, &resolved, 0, &data, &size, &error)) < 0) {
                log_error("%s", error.text);
                return r;
        }
        if (resolved.truncated_tokens > 0)
                log_warning("The last %u tokens of the prompt did not fit", resolved.truncated_tokens);
        return write_file(o->output, data, size);
}

static int inspect(const char *model, bool json)
{
        Error error = {};
        int r = sandbox_enter(model, 0, &error);

        if (r >= 0)
                r = inspect_model(model, json, stdout, &error);
        if (r < 0)
                log_error("%s", error.text);
        return r < 0 || fflush(stdout) == 0 ? r : -EIO;
}

static int shrink_picture(uint32_t side, bool is_lossless)
{
        Error error = {};
        int r = shrink_run(side, is_lossless, &error);

        if (r < 0)
                log_error("%s", error.text);
        return r;
}

/* In the manner of sha256sum. */
static int print_digest(const char *model_dir)
{
        static const char *const checks[] = {
                [DIGEST_UNLISTED] = "unlisted",
                [DIGEST_VERIFIED] = "verified",
                [DIGEST_MISMATCH] = "mismatch",
        };
        ModelDigest digest;
        Error error = {};

        int r = model_digest(&digest, NULL, model_dir, NULL, NULL, &error);
        if (r < 0) {
                log_error("%s", error.text);
                return r;
        }
        if (printf("%s  %s\n", digest.digest, checks[digest.check]) < 0 || fflush(stdout) != 0)
                return -EIO;
        if (digest.check != DIGEST_MISMATCH)
                return 0;
        log_error("%s", digest.difference);
        return -EBADMSG;
}

/* What packed weights may take: weights of four bits become such of sixteen. 0: there will be none. */
static uint64_t pack_bytes_max(const MainOptions *o)
{
        _cleanup_(tree_done) Tree tree = {};

        if (o->pack.new_fd < 0 || tree_read(&tree, o->model_dir) < 0)
                return 0;
        return 5 * tree.size;
}

/* What the service asks for. */
static int serve(const MainOptions *o)
{
        /* Blocking: both threads may wait for a service that reads slowly. */
        (void)fcntl(o->pack.old_fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(o->pack.new_fd, F_SETFD, FD_CLOEXEC);
        if (fcntl(o->socket, F_SETFD, FD_CLOEXEC) < 0 || fcntl(o->socket, F_SETFL, 0) < 0)
                return log_error_errno(-errno, "Cannot use the socket");
        Error error = {};
        int entered = o->decode ? sandbox_enter_to_decode(&error)
                                : sandbox_enter(o->model_dir, pack_bytes_max(o), &error);
        if (entered < 0) {
                log_error("%s", error.text);
                return entered;
        }
        if (o->decode)
                return decode_run(o->socket);
        if (o->digest)
                return verify_tell_digest(o->socket, o->model_dir);
        int r = o->verify ? verify_model(o->socket, o->model_dir) : 0;
        return r < 0 ? r : worker_run(o->socket, o->model_dir, o->threads, (Precision)o->request.precision, &o->pack);
}

int main(int argc, char **argv)
{
        static MainOptions options = { .socket = -1, .pack = { .old_fd = -1, .new_fd = -1 } }; /* two prompts are much for a stack */

        /* Threads that spin at barriers lose much when the processors have other work. It is heeded at the program's
         * start: the service sets it, and otherwise blas_ensure_core starts the program anew. */
        (void)setenv("OMP_WAIT_POLICY", "passive", 0);
        (void)setenv("GOMP_SPINCOUNT", CPU_SPINS, 0);
        int r = blas_ensure_core(argv);
        if (r < 0)
                (void)log_warning_errno(r, "Cannot choose OpenBLAS' kernels, it may be slow");

        request_init(&options.request);
        r = main_options_parse(&options, argc, argv);
        if (r <= 0)
                return r < 0 ? 2 : 0;

        if (options.shrink > 0)
                r = shrink_picture(options.shrink, options.lossless);
        else if (options.socket >= 0)
                r = serve(&options);
        else if (options.output)
                r = make_picture(&options);
        else if (options.inspect)
                r = inspect(options.model_dir, options.json);
        else
                r = print_digest(options.model_dir);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
