/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/review/legibility.h"
#include "client/review/sheet.h"

#define LARGE 256 /* pixels of the longer side */
#define GAP 16
#define GROUND 0x80 /* grey, so that light and dark edges are seen */

static const uint32_t sides[] = { LARGE, LEGIBILITY_SIDES };

static void copy(const Pixels *from, Pixels *sheet, uint32_t left)
{
        for (uint32_t y = 0; y < from->height; y++)
                memcpy(sheet->rgb + 3 * ((size_t)y * sheet->width + left), from->rgb + 3 * (size_t)y * from->width,
                       3 * (size_t)from->width);
}

int sheet_make(const Pixels *pixels, Pixels *ret)
{
        Pixels parts[ELEMENTSOF(sides)] = { 0 }, sheet = { 0 };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(sides) && r >= 0; i++) {
                r = legibility_shrink(pixels, sides[i], &parts[i]);
                sheet.width += parts[i].width + (i > 0 ? GAP : 0);
                sheet.height = MAX(sheet.height, parts[i].height);
        }
        sheet.rgb = r >= 0 ? malloc(3 * (size_t)sheet.width * sheet.height) : NULL;
        if (sheet.rgb) {
                uint32_t left = 0;
                memset(sheet.rgb, GROUND, 3 * (size_t)sheet.width * sheet.height);
                for (size_t i = 0; i < ELEMENTSOF(sides); i++) {
                        copy(&parts[i], &sheet, left);
                        left += parts[i].width + GAP;
                }
                *ret = sheet;
        }
        for (size_t i = 0; i < ELEMENTSOF(sides); i++)
                pixels_done(&parts[i]);
        return sheet.rgb ? 0 : -ENOMEM;
}
