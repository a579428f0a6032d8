/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "engine/model/file.h"
#include "engine/model/safetensors.h"

/* A zip archive, as PyTorch writes since 1.6; a pickle of protocol 2 to 5; a tar archive of before 2017. */
static bool is_pickle(const MappedFile *file)
{
        if (file->size >= 4 && memcmp(file->data, "PK\3\4", 4) == 0)
                return true;
        if (file->size >= 9 && file->data[8] == '{') /* a safetensors header whose size looks like one */
                return false;
        if (file->size >= 2 && file->data[0] == 0x80 && file->data[1] >= 2 && file->data[1] <= 5)
                return true;
        return file->size >= 262 && memcmp(file->data + 257, "ustar", 5) == 0;
}

int tensor_file_open(Safetensors **ret, const char *path, Error *error)
{
        _cleanup_(mapped_file_done) MappedFile file = {};
        int r = mapped_file_open(&file, path, INT64_MAX, error);
        if (r < 0)
                return r;

        if (file.size >= 4 && memcmp(file.data, "GGUF", 4) == 0)
                return gguf_open(ret, path, error);
        if (is_pickle(&file))
                return error_set(error, -EOPNOTSUPP,
                                 "%s: a PyTorch pickle, which can hold programs and is not read; save it as safetensors: "
                                 "python3 -c \"import torch,safetensors.torch as s; m=torch.load('IN.ckpt',weights_only=True,"
                                 "map_location='cpu'); m=m.get('state_dict',m); s.save_file({k:v.contiguous() for k,v in "
                                 "m.items() if hasattr(v,'shape')},'OUT.safetensors')\"",
                                 path);
        return safetensors_open(ret, path, error);
}
