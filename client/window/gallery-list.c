/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gtk/gtk.h>

#include "client/window/gallery-list.h"

struct _GalleryItem {
        GObject parent;
        int64_t time;
};

struct _GalleryList {
        GObject parent;
        GPtrArray *items; /* NULL: nobody has asked for it */
        int64_t *times; /* of each */
};

static void list_model_init(GListModelInterface *interface);

G_DEFINE_FINAL_TYPE(GalleryItem, gallery_item, G_TYPE_OBJECT)
G_DEFINE_FINAL_TYPE_WITH_CODE(GalleryList, gallery_list, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, list_model_init))

static void gallery_item_class_init(GalleryItemClass *class)
{
        (void)class;
}

static void gallery_item_init(GalleryItem *item)
{
        (void)item;
}

int64_t gallery_item_time(const GalleryItem *item)
{
        return item->time;
}

static void item_unref(gpointer item)
{
        if (item)
                g_object_unref(item);
}

static void gallery_list_finalize(GObject *object)
{
        GalleryList *list = GALLERY_LIST(object);

        g_ptr_array_unref(list->items);
        g_free(list->times);
        G_OBJECT_CLASS(gallery_list_parent_class)->finalize(object);
}

static void gallery_list_class_init(GalleryListClass *class)
{
        G_OBJECT_CLASS(class)->finalize = gallery_list_finalize;
}

static void gallery_list_init(GalleryList *list)
{
        list->items = g_ptr_array_new_with_free_func(item_unref);
}

static GType get_item_type(GListModel *model)
{
        (void)model;
        return GALLERY_TYPE_ITEM;
}

static guint get_n_items(GListModel *model)
{
        return GALLERY_LIST(model)->items->len;
}

static gpointer get_item(GListModel *model, guint position)
{
        GalleryList *list = GALLERY_LIST(model);

        if (position >= list->items->len)
                return NULL;
        if (!list->items->pdata[position]) {
                GalleryItem *item = g_object_new(GALLERY_TYPE_ITEM, NULL);
                item->time = list->times[position];
                list->items->pdata[position] = item;
        }
        return g_object_ref(list->items->pdata[position]);
}

static void list_model_init(GListModelInterface *interface)
{
        interface->get_item_type = get_item_type;
        interface->get_n_items = get_n_items;
        interface->get_item = get_item;
}

GalleryList *gallery_list_new(void)
{
        return g_object_new(GALLERY_TYPE_LIST, NULL);
}

/* Items of the old array at the beginning of another one, or at its end. */
static void take_items(GPtrArray *from, guint from_at, GPtrArray *to, guint to_at, guint n)
{
        for (guint i = 0; i < n; i++)
                to->pdata[to_at + i] = g_steal_pointer(&from->pdata[from_at + i]);
}

void gallery_list_set(GalleryList *list, const int64_t *times, size_t n)
{
        const guint before = list->items->len, after = (guint)MIN(n, (size_t)G_MAXINT);
        guint same = 0, same_end = 0; /* at the beginning, and at the end of the rest */

        while (same < MIN(before, after) && list->times[same] == times[same])
                same++;
        while (same_end < MIN(before, after) - same && list->times[before - 1 - same_end] == times[after - 1 - same_end])
                same_end++;
        if (before - same_end == same && after - same_end == same)
                return;
        g_autoptr(GPtrArray) old = list->items;
        list->items = g_ptr_array_new_with_free_func(item_unref);
        g_ptr_array_set_size(list->items, (int)after);
        take_items(old, 0, list->items, 0, same);
        take_items(old, before - same_end, list->items, after - same_end, same_end);
        g_free(list->times);
        list->times = g_memdup2(times, after * sizeof(*times));
        g_list_model_items_changed(G_LIST_MODEL(list), same, before - same - same_end, after - same - same_end);
}

guint gallery_list_find(const GalleryList *list, int64_t time)
{
        guint low = 0, high = list->items->len;

        while (low < high) {
                const guint middle = low + (high - low) / 2;
                if (list->times[middle] > time)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < list->items->len && list->times[low] == time ? low : GTK_INVALID_LIST_POSITION;
}
