/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/tensor/panels.h"
#include "engine/tensor/winograd.h"

/* Bytes: of the transformed inputs that are there at once, which are to stay in the cache that all processors share; of a block's
 * sums and of a slice of transformed weights, in a processor's own. */
#define INPUTS_SIZE ((size_t)16 << 20)
#define SUMS_SIZE ((size_t)7 << 18)
#define SLICE_SIZE ((size_t)5 << 18)

/* Rows of positions do not begin at the same place of a page, or a cache could hold only few of them. */
#define LINE_BYTES 64

#define INPUT_TILES 4 /* that are transformed by one tile of the compute grid */
#define RUN_TILES 4 /* that are finished at once */

typedef struct WinogradJob {
        const Matrix *matrix;
        const Products *products;
        const WinogradSource *source;
        Output output;
        const char *zeros; /* a pixel */
        size_t tiles_w, tiles_h, tiles; /* the latter of all pictures */
        size_t first, count; /* tiles whose inputs are there */
        size_t length, depth, slices; /* input channels filled up to whole steps, and in slices, of which the last may be smaller */
        char *inputs; /* [slice][position][tile of them][depth] */
        size_t row, position, slice; /* bytes from each of those to the next */
        size_t block, blocks; /* tiles in a block, and blocks in the inputs */
} WinogradJob;

/* A block of tiles and a panel of columns: what one tile of the compute grid works with. */
typedef struct WinogradBlock {
        size_t first, m; /* tiles */
        size_t column, n, width; /* of the panel: its outputs, and with what fills it up */
        float *sums; /* [position][tile][panel] */
        size_t position; /* floats from one position's sums to the next */
        char *slice; /* weights */
        float *pixels; /* [line][pixels of a run of tiles][panel] */
        const void **rows;
        void *library; /* what a library, or tiles, may need */
} WinogradBlock;

static size_t padded_block(const Products *products, size_t block)
{
        return (block + products->rows - 1) / products->rows * products->rows;
}

static size_t sums_of_position(const WinogradJob *job)
{
        return padded_block(job->products, job->block) * job->products->panel + LINE_BYTES / sizeof(float);
}

static size_t slice_of_position(const WinogradJob *job)
{
        return job->depth * job->products->panel * products_element(job->products) + LINE_BYTES;
}

static size_t pixels_of_run(const WinogradJob *job)
{
        return (size_t)RUN_TILES * WINOGRAD_OUTPUT * WINOGRAD_OUTPUT * job->products->panel;
}

/* The pointers to a block's rows, in floats: whole lines. */
static size_t pointers_of_block(const WinogradJob *job)
{
        const size_t bytes = padded_block(job->products, job->block) * sizeof(void *);
        return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES / sizeof(float);
}

static size_t block_scratch(const WinogradJob *job)
{
        return WINOGRAD_POSITIONS * (sums_of_position(job) + slice_of_position(job) / sizeof(float)) + pixels_of_run(job) +
               pointers_of_block(job) + job->block * job->depth;
}

static WinogradBlock block_begin(const WinogradJob *job, size_t i, float *scratch)
{
        const Products *products = job->products;
        const size_t panels = ((size_t)job->matrix->n + products->panel - 1) / products->panel;
        WinogradBlock b = { .first = i / panels * job->block, .column = i % panels * products->panel, .sums = scratch };

        b.m = MIN(job->block, job->count - b.first);
        b.n = MIN(products->panel, job->matrix->n - b.column);
        b.width = panel_width(products, job->matrix->n, b.column);
        b.position = sums_of_position(job);
        float *slice = b.sums + WINOGRAD_POSITIONS * b.position;
        b.slice = (char *)slice;
        b.pixels = slice + WINOGRAD_POSITIONS * slice_of_position(job) / sizeof(float);
        float *rows = b.pixels + pixels_of_run(job);
        b.rows = (const void **)rows;
        b.library = rows + pointers_of_block(job);
        return b;
}

typedef struct TilePlace {
        size_t picture, y, x; /* of tiles */
} TilePlace;

static TilePlace place_of(const WinogradJob *job, size_t tile)
{
        return (TilePlace) {
                .picture = tile / job->tiles_w / job->tiles_h,
                .y = tile / job->tiles_w % job->tiles_h,
                .x = tile % job->tiles_w,
        };
}

/* Where a slice's channels begin in the pixels of a tile. */
static void find_pixels(const WinogradJob *job, size_t tile, size_t slice, const void **ret)
{
        const WinogradSource *source = job->source;
        const Tensor *x = source->x;
        const TilePlace at = place_of(job, tile);
        const uint32_t *rows = source->rows + at.y * WINOGRAD_OUTPUT, *columns = source->columns + at.x * WINOGRAD_OUTPUT;

        for (size_t i = 0; i < WINOGRAD_POSITIONS; i++) {
                const uint32_t row = rows[i / WINOGRAD_INPUT], column = columns[i % WINOGRAD_INPUT];

                if (row == WINOGRAD_BEYOND || column == WINOGRAD_BEYOND)
                        ret[i] = job->zeros;
                else
                        ret[i] = tensor_at(x, ((at.picture * x->h + row) * x->w + column) * x->c + slice * job->depth);
        }
}

static void transform_tile(const WinogradJob *job, size_t tile, size_t slice)
{
        const Tensor *x = job->source->x;
        const size_t channels = MIN(job->depth, x->c - slice * job->depth), used = channels * products_element(job->products);
        const void *pixels[WINOGRAD_POSITIONS];
        char *to = job->inputs + slice * job->slice + tile * job->row;

        find_pixels(job, job->first + tile, slice, pixels);
        job->matrix->kernels->winograd_inputs(
                        to, job->position, pixels, channels, x->type == TENSOR_BF16, job->products->group == 2);
        for (size_t position = 0; used < job->row && position < WINOGRAD_POSITIONS; position++)
                memset(to + position * job->position + used, 0, job->row - used);
}

static void transform_tiles(const void *userdata, size_t i, float *scratch)
{
        const WinogradJob *job = userdata;

        (void)scratch;
        for (size_t tile = i * INPUT_TILES; tile < MIN((i + 1) * INPUT_TILES, job->count); tile++)
                for (size_t slice = 0; slice < job->slices; slice++)
                        transform_tile(job, tile, slice);
}

/* A slice of the panel's weights, which lies in it tap by tap. */
static void transform_weights(const WinogradJob *job, const WinogradBlock *b, size_t slice, size_t depth)
{
        const Matrix *matrix = job->matrix;
        const size_t tap = matrix_column_bytes(matrix) / matrix->taps * b->width, n = depth * b->width;
        const char *panel = (const char *)matrix->panels + b->column * matrix_column_bytes(matrix);
        const void *weights = panel + tap * slice * job->depth / products_length(matrix->products, matrix->k);

        if (matrix->products->group == 4)
                matrix->kernels->winograd_weights_of_bytes(
                                b->slice, slice_of_position(job), weights, tap, n, b->width, matrix->column_factors + b->column);
        else
                matrix->kernels->winograd_weights(
                                b->slice, slice_of_position(job), weights, tap, n,
                                matrix->products->group == 2 ? WEIGHT_BF16 : matrix->type, job->products->group == 2);
}

/* Meanwhile the next position's inputs are fetched; the weights have just been written. */
static void multiply_positions(const WinogradJob *job, const WinogradBlock *b, size_t slice, size_t depth)
{
        const char *inputs = job->inputs + slice * job->slice + b->first * job->row;

        for (size_t position = 0; position < WINOGRAD_POSITIONS; position++, inputs += job->position) {
                const Product product = {
                        .rows = b->rows,
                        .m = b->m,
                        .depth = depth,
                        .panel = b->slice + position * slice_of_position(job),
                        .width = b->width,
                        .sums = b->sums + position * b->position,
                        .stride = job->products->panel,
                        .add = slice > 0,
                        .ahead = inputs + job->position,
                        .ahead_size = b->m * job->row,
                        .scratch = b->library,
                };

                for (size_t i = 0; i < padded_block(job->products, b->m); i++)
                        b->rows[i] = inputs + (i < b->m ? i : 0) * job->row;
                job->products->multiply(&product);
        }
}

/* Some tiles beside each other: their pixels, line by line. */
static void finish_run(const WinogradJob *job, const WinogradBlock *b, size_t tile, size_t tiles)
{
        const Kernels *kernels = job->matrix->kernels;
        const WinogradSource *source = job->source;
        const TilePlace at = place_of(job, job->first + b->first + tile);
        const size_t panel = job->products->panel, line = (size_t)RUN_TILES * WINOGRAD_OUTPUT * panel;
        const size_t x = at.x * WINOGRAD_OUTPUT, pixels = MIN(tiles * WINOGRAD_OUTPUT, source->w - x);

        for (size_t i = 0; i < tiles; i++)
                kernels->winograd_outputs(
                                b->pixels + i * WINOGRAD_OUTPUT * panel, line, panel, b->sums + (tile + i) * panel, b->position,
                                b->width);
        for (size_t i = 0, y = at.y * WINOGRAD_OUTPUT; i < WINOGRAD_OUTPUT && y < source->h; i++, y++) {
                const size_t to = ((at.picture * source->h + y) * source->w + x) * job->output.stride + b->column;
                Output output = job->output;

                output.bias = output.bias ? output.bias + b->column : NULL;
                output.slopes = output.slopes ? output.slopes + b->column : NULL;
                output.residual = output.residual ? output.residual + to : NULL;
                output.data = (char *)output.data + to * (output.halves ? sizeof(uint16_t) : sizeof(float));
                kernels->finish(b->pixels + i * line, panel, pixels, b->n, b->width, &output);
        }
}

static void winograd_block(const void *userdata, size_t i, float *scratch)
{
        const WinogradJob *job = userdata;
        const WinogradBlock b = block_begin(job, i, scratch);

        products_enter(job->products);
        for (size_t slice = 0; slice < job->slices; slice++) {
                const size_t depth = MIN(job->depth, job->length - slice * job->depth);

                transform_weights(job, &b, slice, depth);
                multiply_positions(job, &b, slice, depth);
        }
        products_leave(job->products);
        for (size_t tile = 0, run = 0; tile < b.m; tile += run) {
                run = MIN(job->tiles_w - (job->first + b.first + tile) % job->tiles_w, MIN((size_t)RUN_TILES, b.m - tile));
                finish_run(job, &b, tile, run);
        }
}

/* What is multiplied after the transformation: bytes would lose too much by it. */
static const Products *transformed_products(const Matrix *matrix)
{
        const bool bytes = matrix->products->precision == PRECISION_INT8;
        return bytes ? matrix->kernels->products[PRECISION_BF16] : matrix->products;
}

static size_t whole_steps(size_t n, size_t step)
{
        return (n + step - 1) / step * step;
}

/* Slices as deep as their weights have room, alike but for the last; whole groups of the weights, too. */
static void choose_depth(WinogradJob *job)
{
        const Products *products = job->products;
        const size_t step = MAX(products->step, job->matrix->products->group),
                     most = SLICE_SIZE / (WINOGRAD_POSITIONS * products->panel * products_element(products)) / step * step;

        job->length = whole_steps(job->matrix->k, step);
        job->slices = (job->length + most - 1) / most;
        job->depth = whole_steps((job->length + job->slices - 1) / job->slices, step);
        job->slices = (job->length + job->depth - 1) / job->depth;
        job->row = job->depth * products_element(products);
}

/* As many tiles in a block as their sums have room, and at once as their inputs have; returns the latter. */
static size_t choose_block(WinogradJob *job)
{
        enum { BLOCK_MAX = 384 };
        const size_t sums = WINOGRAD_POSITIONS * job->products->panel * sizeof(float), most = MIN(SUMS_SIZE / sums, (size_t)BLOCK_MAX);
        const size_t inputs = WINOGRAD_POSITIONS * job->slices * job->row;
        const size_t batch = MIN(MAX(INPUTS_SIZE / inputs, most), job->tiles), blocks = (batch + most - 1) / most;

        job->block = padded_block(job->products, (batch + blocks - 1) / blocks);
        return MIN(blocks * job->block, job->tiles);
}

static WinogradJob winograd_job(Compute *c, const Matrix *matrix, const WinogradSource *source, const Output *output)
{
        WinogradJob job = {
                .matrix = matrix,
                .products = transformed_products(matrix),
                .source = source,
                .output = *output,
                .tiles_w = winograd_tiles(source->w),
                .tiles_h = winograd_tiles(source->h),
                .tiles = source->x->n * winograd_tiles(source->h) * winograd_tiles(source->w),
        };
        const size_t pixel = source->x->c * tensor_element(source->x);
        char *zeros = (char *)compute_alloc(c, (pixel + sizeof(float) - 1) / sizeof(float));

        if (zeros)
                memset(zeros, 0, pixel);
        if (!job.output.bias)
                job.output.bias = matrix->bias;
        job.zeros = zeros;
        choose_depth(&job);
        return job;
}

void winograd_product(Compute *c, const Matrix *matrix, const WinogradSource *source, const Output *output)
{
        const double pixels = (double)source->x->n * source->h * source->w;
        const WorkKind before = compute_work(c, WORK_CONVOLUTION, 2 * pixels * matrix->k * matrix->taps * matrix->n);
        ArenaMark mark = arena_mark(c->arena);
        WinogradJob job = winograd_job(c, matrix, source, output);
        const size_t batch = choose_block(&job), panels = (matrix->n + job.products->panel - 1) / job.products->panel;

        assert(matrix->taps == 9 && !matrix->adapters && source->x->c == matrix->k);
        if (matrix->task && c->error == 0 && !task_need(matrix->task))
                c->error = -ENOMEM;
        job.position = batch * job.row + LINE_BYTES;
        job.slice = WINOGRAD_POSITIONS * job.position;
        job.inputs = (char *)compute_alloc(c, job.slices * job.slice / sizeof(float));
        for (; job.first < job.tiles && c->error == 0; job.first += batch) {
                job.count = MIN(batch, job.tiles - job.first);
                job.blocks = (job.count + job.block - 1) / job.block;
                compute_tiles(c, (job.count + INPUT_TILES - 1) / INPUT_TILES, 0, transform_tiles, &job);
                compute_tiles(c, job.blocks * panels, block_scratch(&job), winograd_block, &job);
        }
        arena_release(c->arena, mark);
        compute_work_as(c, before);
}

/* Where it was measured to be faster: the more tiles share transformed weights, and the more channels a transformed number is
 * multiplied with, the better; the faster products of bytes are, the less is gained. Products whose bits depend on how many
 * rows there are would show how tiles are grouped. */
bool winograd_suits(const Matrix *matrix, uint32_t h, uint32_t w)
{
        enum { CHANNELS_MIN = 64 };
        const Products *products = transformed_products(matrix);
        const size_t tiles_min = matrix->products->precision == PRECISION_INT8 ? 16 : 4;

        return matrix->taps == 9 && !matrix->adapters && products && !products->uneven && matrix->k >= CHANNELS_MIN &&
               matrix->n >= CHANNELS_MIN && winograd_tiles(h) * winograd_tiles(w) >= tiles_min;
}
