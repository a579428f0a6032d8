/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "dbus/names.h"
#include "service/errors.h"
#include "service/remote/gate.h"
#include "service/remote/remote.h"

static const struct {
        int code;
        const char *name;
        const char *text;
} errors[] = {
        { -EINVAL, IMAGINE_ERROR_INVALID_ARGS, "An argument is not acceptable" },
        { -ERANGE, IMAGINE_ERROR_INVALID_ARGS, "An argument is out of its range" },
        { -EDQUOT, IMAGINE_ERROR_LIMITS_EXCEEDED, "A limit is reached" },
        { -EMFILE, IMAGINE_ERROR_LIMITS_EXCEEDED, "The service has no file descriptor left" },
        { -ENFILE, IMAGINE_ERROR_LIMITS_EXCEEDED, "The machine has no file descriptor left" },
        { -ENOPKG, IMAGINE_ERROR_NO_SUCH_MODEL, "No model of that name is installed" },
        { -ESRCH, IMAGINE_ERROR_NO_SUCH_JOB, "There is no such job" },
        { -EBADMSG, IMAGINE_ERROR_BAD_MODEL, "The model's files are broken" },
        { -ENOEXEC, IMAGINE_ERROR_BAD_MODEL, "The model is of a kind that this version cannot run" },
        { -ENOMEM, IMAGINE_ERROR_OUT_OF_MEMORY, "Memory ran out" },
        { -EOWNERDEAD, IMAGINE_ERROR_WORKER_DIED, "The engine ended unexpectedly" },
        { -ECANCELED, IMAGINE_ERROR_CANCELLED, "The job was cancelled" },
        { -ENODATA, IMAGINE_ERROR_NOT_FINISHED, "There is no result yet" },
        { -ESTALE, IMAGINE_ERROR_EXPIRED, "The result was kept as long as it could be, and is gone" },
        { -EBUSY, IMAGINE_ERROR_BUSY, "The model is at work" },
        { REMOTE_NOT_CONFIGURED, IMAGINE_ERROR_NOT_CONFIGURED, "There is no such server" },
        { REMOTE_NO_CONSENT, IMAGINE_ERROR_NO_CONSENT, "The user has not consented to this server" },
        { GATE_WITHHELD, IMAGINE_ERROR_WITHHELD, "It stays on this machine" },
        { GATE_OVER_BUDGET, IMAGINE_ERROR_OVER_BUDGET, "The budget does not permit it" },
        { NET_UNSUPPORTED, IMAGINE_ERROR_INVALID_ARGS, "The provider cannot do this" },
        { NET_NO_KEY, IMAGINE_ERROR_NO_KEY, "The server's key cannot be had" },
        { NET_KEY_REJECTED, IMAGINE_ERROR_KEY_REJECTED, "The server does not accept the key" },
        { NET_REFUSED, IMAGINE_ERROR_REFUSED, "The server refused" },
        { NET_LIMITED, IMAGINE_ERROR_RATE_LIMITED, "The server has had too many requests" },
        { NET_UNREACHABLE, IMAGINE_ERROR_UNREACHABLE, "The server cannot be reached" },
        { NET_BAD_ANSWER, IMAGINE_ERROR_SERVER_FAILED, "The server failed" },
};

const char *error_bus_name(int code)
{
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].code == code)
                        return errors[i].name;
        return IMAGINE_ERROR_FAILED;
}

int error_code_of(const char *bus_name)
{
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (streq(errors[i].name, bus_name))
                        return errors[i].code;
        return -EIO;
}

static const char *general_text(int code)
{
        for (size_t i = 0; i < ELEMENTSOF(errors); i++)
                if (errors[i].code == code)
                        return errors[i].text;
        return strerror(-code);
}

int error_to_bus_code(sd_bus_error *ret, int code, const char *text)
{
        return sd_bus_error_set(ret, error_bus_name(code), text && *text ? text : general_text(code));
}

int error_to_bus(sd_bus_error *ret, const Error *error)
{
        return error_to_bus_code(ret, error->code, error->text);
}

int error_to_bus_or_code(sd_bus_error *ret, const Error *error, int r)
{
        return error->code == 0 ? error_to_bus_code(ret, r, NULL) : error_to_bus(ret, error);
}

int error_of_reading(int r, Error *error)
{
        return r == -EBADMSG && error->code == 0 ? error_set(error, -EINVAL, "A text has what is no character") : r;
}

int error_of_load(int code)
{
        return code == -ENOMEM || code == -EOWNERDEAD || code == -ENOPKG ? code : -EBADMSG;
}
