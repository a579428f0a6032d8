/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "base/request.h"
#include "base/util.h"
#include "client/aspect.h"
#include "client/i18n.h"

/* A wrong shape is seen sooner than a wrong size. */
#define SHAPE_WEIGHT 2.0

int aspect_find_size(double aspect, uint64_t area, uint32_t multiple, uint32_t *ret_width,
                     uint32_t *ret_height, Error *error)
{
        double least = INFINITY;

        for (uint32_t height = multiple; multiple && height <= REQUEST_SIZE_MAX; height += multiple) {
                double exact = height * aspect / multiple;
                if (height < REQUEST_SIZE_MIN || exact > REQUEST_SIZE_MAX)
                        continue;
                uint32_t width = MAX(1U, (uint32_t)lround(exact)) * multiple;
                if (width < REQUEST_SIZE_MIN || width > REQUEST_SIZE_MAX)
                        continue;
                double cost = fabs(log((double)width * height / (double)area)) +
                              SHAPE_WEIGHT * fabs(log((double)width / height / aspect));
                if (cost < least) {
                        least = cost;
                        *ret_width = width;
                        *ret_height = height;
                }
        }
        if (isinf(least))
                return error_set(error, -ERANGE, _("no size of that shape is within %d and %d pixels"),
                                 REQUEST_SIZE_MIN, REQUEST_SIZE_MAX);
        return 0;
}
