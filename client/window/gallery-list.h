/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Records as GTK's views want them, however many there are: an item knows when its picture was made (records_get_at()) and no
 * more, and is there once somebody has asked for it. */

#include <gio/gio.h>

#define GALLERY_TYPE_LIST (gallery_list_get_type())
G_DECLARE_FINAL_TYPE(GalleryList, gallery_list, GALLERY, LIST, GObject)
#define GALLERY_TYPE_ITEM (gallery_item_get_type())
G_DECLARE_FINAL_TYPE(GalleryItem, gallery_item, GALLERY, ITEM, GObject)

GalleryList *gallery_list_new(void);

/* Newest first, as records_list() gives them. Views are told of what differs alone. */
void gallery_list_set(GalleryList *list, const int64_t *times, size_t n);

/* GTK_INVALID_LIST_POSITION: it is not there. */
guint gallery_list_find(const GalleryList *list, int64_t time);

int64_t gallery_item_time(const GalleryItem *item);
