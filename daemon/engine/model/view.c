/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/model/view.h"
#include "engine/model/weights.h"

struct View {
        struct View *next;
        char key[ORIGINAL_KEY_MAX];
        StoredTensor tensor;
        void *memory; /* NULL: it lies in the file */
};

/* Rows and columns of elements exchanged. */
static void *transpose(const StoredTensor *t, size_t size)
{
        const size_t rows = t->shape[0], columns = t->shape[1];
        char *ret = malloc(MAX(t->n_elements * size, (size_t)1));

        for (size_t i = 0; ret && i < rows; i++)
                for (size_t j = 0; j < columns; j++)
                        memcpy(ret + (j * rows + i) * size, (const char *)t->data + (i * columns + j) * size, size);
        return ret;
}

/* Blocks lie along the rows, which become columns: their numbers are taken out. */
static bool make_transposed(View *view, const StoredTensor *t)
{
        _cleanup_(freep) float *numbers = NULL;
        StoredTensor plain = *t;
        uint64_t bytes;

        if (t->n_dims != 2 || t->scales)
                return false;
        if (!dtype_bytes(t->dtype, 1, &bytes)) {
                numbers = malloc(t->n_elements * sizeof(float));
                if (!numbers)
                        return false;
                stored_tensor_to_f32(t, numbers);
                plain.dtype = DTYPE_F32;
                plain.data = numbers;
                bytes = sizeof(float);
        }
        view->tensor.made = true;
        view->tensor.dtype = plain.dtype;
        view->tensor.shape[0] = t->shape[1];
        view->tensor.shape[1] = t->shape[0];
        view->tensor.data = view->memory = transpose(&plain, (size_t)bytes);
        return view->memory;
}

/* Some of its rows, or all of it the other way round; false if it is not of a kind with which that can be done. */
static bool make_view(View *view, const StoredTensor *t, const OriginalKey *key)
{
        uint64_t bytes;

        view->tensor = *t;
        if (key->parts > 1) {
                if (t->n_dims == 0 || t->shape[0] % key->parts != 0 ||
                    !dtype_bytes(t->dtype, t->n_elements / key->parts, &bytes))
                        return false;
                view->tensor.shape[0] /= key->parts;
                view->tensor.n_elements /= key->parts;
                view->tensor.data = (const char *)t->data + key->part * bytes;
                if (t->scales)
                        view->tensor.scales = (const char *)t->scales + key->part * view->tensor.shape[0] * sizeof(float);
        }
        return !key->transposed || make_transposed(view, t);
}

const StoredTensor *views_find(View **views, const char *key, const StoredTensor *stored, const OriginalKey *how)
{
        for (const View *view = *views; view; view = view->next)
                if (streq(view->key, key))
                        return &view->tensor;

        View *view = calloc(1, sizeof(*view));
        if (!view || !make_view(view, stored, how)) {
                free(view);
                return NULL;
        }
        (void)snprintf(view->key, sizeof(view->key), "%s", key);
        view->next = *views;
        *views = view;
        return &view->tensor;
}

void views_free(View *views)
{
        for (View *view = views, *next; view; view = next) {
                next = view->next;
                free(view->memory);
                free(view);
        }
}
