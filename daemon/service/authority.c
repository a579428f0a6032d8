/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/authority.h"
#include "service/errors.h"

#define QUESTIONS_PER_USER 4
#define QUESTIONS_MAX 32
#define ALLOW_USER_INTERACTION 1U /* CheckAuthorizationFlags */

typedef struct Question {
        Authority *authority;
        sd_bus_message *call;
        sd_bus_slot *slot;
        uid_t uid;
        authorized_t go_on;
        void *userdata;
        struct Question *next;
} Question;

struct Authority {
        sd_bus *bus;
        bool has_others; /* than the one user of a session bus */
        Question *questions;
};

int authority_new(Authority **ret, sd_bus *bus)
{
        Authority *authority = calloc(1, sizeof(Authority));
        const char *scope;

        if (!authority)
                return -ENOMEM;
        authority->bus = sd_bus_ref(bus);
        authority->has_others = sd_bus_get_scope(bus, &scope) < 0 || !streq(scope, "user");
        *ret = authority;
        return 0;
}

static void question_free(Question *question)
{
        sd_bus_slot_unref(question->slot);
        sd_bus_message_unref(question->call);
        free(question);
}

Authority *authority_free(Authority *authority)
{
        if (!authority)
                return NULL;
        while (authority->questions) {
                Question *question = authority->questions;
                authority->questions = question->next;
                question_free(question);
        }
        sd_bus_unref(authority->bus);
        free(authority);
        return NULL;
}

static int refuse(bool with_dialog, sd_bus_error *error)
{
        if (with_dialog)
                return sd_bus_error_set(
                                error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                "You are not authorized without being asked, and this call does not allow to ask");
        return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "You are not authorized to do this");
}

/* What polkit said. Without polkit: no. */
static bool read_verdict(sd_bus_message *reply, bool *ret_with_dialog)
{
        int authorized = 0, challenge = 0;

        *ret_with_dialog = false;
        if (sd_bus_message_is_method_error(reply, NULL)) {
                const sd_bus_error *error = sd_bus_message_get_error(reply);
                log_debug("polkit does not answer: %s", error->name);
                return false;
        }
        if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
            sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
                return false;
        *ret_with_dialog = !authorized && challenge;
        return authorized;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
        Question *question = userdata;
        Authority *authority = question->authority;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        bool with_dialog;
        int r;
        (void)ret_error;

        for (Question **p = &authority->questions; *p; p = &(*p)->next)
                if (*p == question) {
                        *p = question->next;
                        break;
                }
        if (read_verdict(reply, &with_dialog)) {
                (void)sd_bus_message_rewind(question->call, true);
                r = question->go_on(question->call, question->userdata, &error);
        } else {
                r = refuse(with_dialog, &error);
        }
        if (r < 0 || sd_bus_error_is_set(&error))
                (void)sd_bus_reply_method_errno(question->call, r, &error);
        sd_bus_error_free(&error);
        question_free(question);
        return 1;
}

static int send_question(Question *question, const char *action, bool may_ask)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        int r = sd_bus_message_new_method_call(
                        question->authority->bus, &message, "org.freedesktop.PolicyKit1",
                        "/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                        "CheckAuthorization");
        if (r < 0)
                return r;
        r = sd_bus_message_append(
                        message, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                        sd_bus_message_get_sender(question->call), action, 0, may_ask ? ALLOW_USER_INTERACTION : 0U, "");
        if (r < 0)
                return r;
        /* A person may take a while to answer. */
        return sd_bus_call_async(
                        question->authority->bus, &question->slot, message, on_answer, question,
                        may_ask ? UINT64_MAX : 0);
}

static bool has_room(const Authority *authority, uid_t uid)
{
        size_t n = 0, n_user = 0;

        for (const Question *question = authority->questions; question; question = question->next) {
                n++;
                n_user += question->uid == uid;
        }
        return n < QUESTIONS_MAX && n_user < QUESTIONS_PER_USER;
}

int authority_ask(
                Authority *authority, sd_bus_message *call, uid_t uid, const char *action, authorized_t go_on,
                void *userdata, sd_bus_error *error)
{
        if (!authority->has_others || uid == 0)
                return go_on(call, userdata, error);
        if (!has_room(authority, uid))
                return error_to_bus_code(error, -EDQUOT, "Too many calls wait for an authorization");

        Question *question = calloc(1, sizeof(Question));
        if (!question)
                return -ENOMEM;
        *question = (Question) {
                .authority = authority,
                .call = sd_bus_message_ref(call),
                .uid = uid,
                .go_on = go_on,
                .userdata = userdata,
        };
        int r = send_question(question, action, sd_bus_message_get_allow_interactive_authorization(call) > 0);
        if (r < 0) {
                question_free(question);
                return r;
        }
        question->next = authority->questions;
        authority->questions = question;
        return 1;
}
