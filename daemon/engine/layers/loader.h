/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Layers: operations of tensor/ together with their weights. This floor lies above tensor/ and model/ and
 * below text/, denoise/ and image/, which share it.
 *
 * A loader takes one component's layers out of its weights by their key names and packs them into an arena:
 *
 *     Loader loader = { .weights = weights, .arena = arena, .error = error };
 *     load_matrix(&loader, &block->conv1, LAYER_CONV3, 320, 640, "%s.conv1", name);
 *     …
 *     return loader.r;      // the first thing that failed, with its sentence in *error; after it nothing is
 * loaded */

#include "engine/model/weights.h"
#include "engine/tensor/matrix.h"
#include "engine/tensor/norm.h"

#define KEY_MAX 192

/* Matrices by their keys, for those that adapt them: matrices_done(). */
typedef struct NamedMatrix {
        char *key;
        Matrix *matrix;
} NamedMatrix;

typedef struct Matrices {
        NamedMatrix *items;
        size_t n;
} Matrices;

void matrices_done(Matrices *matrices);

typedef struct Loader {
        const Weights *weights;
        Arena *arena; /* where blocks live, and packed weights that are not to be kept; the network owns it */
        Error *error;
        Precision precision; /* of matrices; PRECISION_AUTO: floats */
        Matrices *matrices; /* NULL, or where every matrix that is loaded is noted */
        int r; /* 0, or the first error */
} Loader;

/* An arena for about all parameters of a component. */
Arena *loader_arena_new(const Weights *weights);

typedef enum LayerKind {
        LAYER_LINEAR = 0, /* KEY.weight [out, in] and KEY.bias [out] */
        LAYER_CONV1 = 1, /* [out, in, 1, 1] */
        LAYER_CONV3 = 2, /* [out, in, 3, 3] */
        LAYER_GEGLU = 3, /* [2 out, in]: values, then gates */
        LAYER_POINTWISE = 4, /* as LAYER_LINEAR or as LAYER_CONV1, whichever is there: exporters differ */
        LAYER_KIND_MASK = 0xf,
        LAYER_NO_BIAS = 0x10,
        LAYER_FLOATS = 0x20, /* at the ends of a network, where little is computed and much depends on it: float32 in any
                                precision */
} LayerKind;

void load_matrix(
                Loader *loader, Matrix *ret, LayerKind kind, uint32_t in, uint32_t out,
                const char *key_format, ...) _printf_(6, 7);

/* KEY.weight and KEY.bias [channels]. -EBADMSG if the channels do not divide into the groups. */
void load_norm(Loader *loader, Norm *ret, uint32_t channels, uint32_t groups, float eps,
               const char *key_format, ...) _printf_(6, 7);

/* KEY.weight [n] alone, filled up with zeros to whole vectors; in the arena. NULL after an error. */
float *load_vector(Loader *loader, uint32_t n, const char *key_format, ...) _printf_(3, 4);

/* Zeroed memory for an array of blocks, in the arena. NULL after an error. */
void *load_array(Loader *loader, size_t n, size_t size);

/* A plain array [rows][columns], of the type that its tensor has; in the arena. */
typedef struct Table {
        WeightType type;
        uint32_t columns;
        const void *data;
} Table;

/* Under exactly that key. */
void load_table(Loader *loader, Table *ret, uint32_t rows, uint32_t columns, const char *key_format, ...)
                _printf_(5, 6);

/* One row as `columns` floats. */
void table_row(const Table *table, size_t row, float *ret);
