/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/model/safetensors.h"
#include "engine/model/weights.h"
#include "tests/fuzz/fuzz.h"

/* A file: whatever is accepted can be read in full. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        FuzzFile file = fuzz_file_new(data, size);
        _cleanup_(safetensors_freep) Safetensors *s = NULL;
        Error error = {};

        int r = safetensors_open(&s, file.path, &error);
        fuzz_file_done(&file);
        if (r < 0) {
                if (error.code != r || error.text[0] == '\0')
                        abort();
                return 0;
        }
        for (size_t i = 0; i < safetensors_count(s); i++) {
                const StoredTensor *tensor = safetensors_at(s, i);
                _cleanup_(freep) float *values = calloc(tensor->n_elements + 1, sizeof(float));
                if (values)
                        stored_tensor_to_f32(tensor, values);
                if (!safetensors_find(s, tensor->name))
                        abort();
        }
        return 0;
}
