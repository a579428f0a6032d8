/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "engine/model/config.h"
#include "engine/model/json-reader.h"

int upscaler_config_read(UpscalerConfig *ret, const char *path, Error *error)
{
        _cleanup_(json_reader_done) JsonReader json = {};
        int r = json_reader_open(&json, path, error);
        if (r < 0)
                return r;

        json_only(&json, "architecture", "\"SRVGGNetCompact\"");
        json_only(&json, "act_type", "\"prelu\"");
        json_only(&json, "num_in_ch", "3");
        json_only(&json, "num_out_ch", "3");
        UpscalerConfig config = {
                .scale = json_u32(&json, "scale", 0, 2, 4),
                .width = json_u32(&json, "num_feat", 0, 1, UPSCALER_WIDTH_MAX),
                .layers = json_u32(&json, "num_conv", 0, 1, UPSCALER_LAYERS_MAX),
        };
        if (json.result < 0)
                return json.result;

        *ret = config;
        return 0;
}
