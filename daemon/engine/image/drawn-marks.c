/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "engine/image/drawn-marks.h"
#include "engine/image/parameters.h"
#include "marks/alt-text.h"
#include "marks/licence.h"

/* What tells of the words that were asked for. An alternative text of the caller's stays as it is. */
static int set_prompt(Marks *marks, const Request *request)
{
        const char *negative = request->negative_prompt;
        _cleanup_(freep) char *alt_text = strdup(request->prompt);
        if (!alt_text)
                return -ENOMEM;

        alt_text_from_prompt(alt_text);
        int r = marks_set(marks, MARK_PROMPT, "%s%s%s", request->prompt, *negative ? "\nNegative prompt: " : "", negative);
        if (r >= 0 && !*request->alt_text)
                r = marks_set(marks, MARK_ALT_TEXT, "%s", alt_text);
        return r < 0 ? r : marks_set(marks, MARK_PROMPT_WRITER, "%s", request->creator);
}

static int set_licence(Marks *marks, const char *license)
{
        const char *address = licence_address(license);

        int r = *license ? marks_set(marks, MARK_USAGE_TERMS, "Drawn by a model under %s", license) : 0;
        return r < 0 || !address ? r : marks_set(marks, MARK_WEB_STATEMENT, "%s", address);
}

static int set_terms(Marks *marks, const DrawnBy *by)
{
        int r = marks_set(marks, MARK_USAGE_TERMS, "%s", by->usage);
        if (r >= 0)
                r = marks_set(marks, MARK_WEB_STATEMENT, "%s", by->terms);
        return r < 0 ? r : marks_set(marks, MARK_CREDIT, "%s", by->credit);
}

static int set_marks(Marks *marks, const Request *request, const DrawnBy *by)
{
        const bool is_composite = request->inputs & 1U << INPUT_IMAGE;

        int r = marks_set(marks, MARK_SOURCE_TYPE, "%s", is_composite ? SOURCE_TYPE_COMPOSITE : SOURCE_TYPE_TRAINED);
        if (r >= 0)
                r = marks_set(marks, MARK_SYSTEM, "%s", by->model);
        if (r >= 0)
                r = marks_set(marks, MARK_SYSTEM_VERSION, "%s", by->version);
        if (r >= 0)
                r = marks_set(marks, MARK_PROVIDER, "%s", by->provider ? by->provider : "imagined");
        if (r >= 0)
                r = marks_set(marks, MARK_CREATOR_TOOL, "imagined %s", VERSION);
        if (r >= 0)
                r = marks_set(marks, MARK_CREATOR, "%s", request->creator);
        if (r >= 0)
                r = marks_set(marks, MARK_ALT_TEXT, "%s", request->alt_text);
        if (r >= 0 && request->created > 0)
                r = marks_set_date(marks, request->created);
        if (r < 0)
                return r;
        return by->provider ? set_terms(marks, by) : set_licence(marks, by->license);
}

int drawn_marks_with(Marks *ret, char *parameters, const Request *request, const DrawnBy *by)
{
        _cleanup_(marks_done) Marks marks = { .parameters = parameters };

        int r = set_marks(&marks, request, by);
        if (r >= 0 && request->prompt_metadata)
                r = set_prompt(&marks, request);
        if (r < 0)
                return r;
        *ret = marks;
        marks = (Marks) {};
        return 0;
}

int drawn_marks(Marks *ret, const Request *request, const Resolved *resolved, uint32_t index, const DrawnBy *by)
{
        char *parameters = NULL;

        int r = parameters_format(&parameters, request, resolved, index, by->model);
        return r < 0 ? r : drawn_marks_with(ret, parameters, request, by);
}
