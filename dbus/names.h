/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The names that the service, the client and the tests share; org.imagined.Imagine1.xml says what they mean. */

#define IMAGINE_BUS_NAME "org.imagined.Imagine1"
#define IMAGINE_PATH "/org/imagined/Imagine1"
#define IMAGINE_JOB_PREFIX IMAGINE_PATH "/job"
#define IMAGINE_MANAGER_INTERFACE IMAGINE_BUS_NAME ".Manager"
#define IMAGINE_JOB_INTERFACE IMAGINE_BUS_NAME ".Job"

/* The desktop's name of the client: its .desktop entry, icon and window. */
#define IMAGINE_APP_ID "org.imagined.Imagine"

#define IMAGINE_ERROR(name) IMAGINE_BUS_NAME ".Error." name
#define IMAGINE_ERROR_INVALID_ARGS IMAGINE_ERROR("InvalidArgs") /* unknown option, wrong type, value out of range */
#define IMAGINE_ERROR_LIMITS_EXCEEDED IMAGINE_ERROR("LimitsExceeded") /* too many jobs, watchers, bytes; says which */
#define IMAGINE_ERROR_NO_SUCH_MODEL IMAGINE_ERROR("NoSuchModel")
#define IMAGINE_ERROR_NO_SUCH_JOB IMAGINE_ERROR("NoSuchJob") /* none, or another user's: the two look alike */
#define IMAGINE_ERROR_BAD_MODEL IMAGINE_ERROR("BadModel") /* the model's files are broken or of an unsupported kind */
#define IMAGINE_ERROR_OUT_OF_MEMORY IMAGINE_ERROR("OutOfMemory")
#define IMAGINE_ERROR_WORKER_DIED IMAGINE_ERROR("WorkerDied") /* the engine ended unexpectedly; the job can be sent again */
#define IMAGINE_ERROR_CANCELLED IMAGINE_ERROR("Cancelled")
#define IMAGINE_ERROR_NOT_FINISHED IMAGINE_ERROR("NotFinished") /* no result yet, or no preview possible in this state */
#define IMAGINE_ERROR_EXPIRED IMAGINE_ERROR("Expired") /* the result was kept as long as it could be */
#define IMAGINE_ERROR_BUSY IMAGINE_ERROR("Busy") /* the model is at work and cannot be unloaded now */
/* Servers that are asked over the network. */
#define IMAGINE_ERROR_NOT_CONFIGURED IMAGINE_ERROR("NotConfigured") /* there is no such server */
#define IMAGINE_ERROR_NO_CONSENT IMAGINE_ERROR("NoConsent") /* the user has not consented to it; nothing was sent */
#define IMAGINE_ERROR_WITHHELD IMAGINE_ERROR("Withheld") /* it is private, or a rule of the configuration forbids it; nothing was sent */
#define IMAGINE_ERROR_OVER_BUDGET IMAGINE_ERROR("OverBudget") /* or its price is not known; nothing was sent */
#define IMAGINE_ERROR_NO_KEY IMAGINE_ERROR("NoKey") /* its key is nowhere to be had; nothing was sent */
#define IMAGINE_ERROR_KEY_REJECTED IMAGINE_ERROR("KeyRejected")
#define IMAGINE_ERROR_REFUSED IMAGINE_ERROR("Refused") /* by its rules; the message may say why */
#define IMAGINE_ERROR_RATE_LIMITED IMAGINE_ERROR("RateLimited") /* too many requests, or the account is spent */
#define IMAGINE_ERROR_UNREACHABLE IMAGINE_ERROR("Unreachable") /* no address, no trust, no answer in time */
#define IMAGINE_ERROR_SERVER_FAILED IMAGINE_ERROR("ServerFailed") /* it answered with an error, or with no answer */
#define IMAGINE_ERROR_FAILED IMAGINE_ERROR("Failed") /* anything else; the message says what */

/* What polkit is asked (org.imagined.imagine1.policy). */
#define IMAGINE_ACTION_LIST_ALL_USERS "org.imagined.imagine1.list-all-users"
#define IMAGINE_ACTION_CANCEL_OTHER_USER "org.imagined.imagine1.cancel-other-user"
#define IMAGINE_ACTION_MANAGE_MODELS "org.imagined.imagine1.manage-models"

/* Job states, as the State property and Finished have them. */
#define IMAGINE_STATE_QUEUED "queued"
#define IMAGINE_STATE_LOADING "loading" /* its model is being loaded */
#define IMAGINE_STATE_RUNNING "running"
#define IMAGINE_STATE_DONE "done"
#define IMAGINE_STATE_FAILED "failed"
#define IMAGINE_STATE_CANCELLED "cancelled"

/* What a job makes, as the Kind property has it. */
#define IMAGINE_KIND_PICTURES "pictures"
#define IMAGINE_KIND_PROMPTS "prompts"
#define IMAGINE_KIND_REQUESTS "requests" /* what would be sent */

/* What Stage says of a queued job that has work behind it. */
#define IMAGINE_STAGE_PARKED "parked"
