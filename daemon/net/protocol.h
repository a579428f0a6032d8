/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the service and the network worker (imagined-net) say to each other over a SOCK_SEQPACKET socket: one message a
 * packet, as in workers/protocol.h. One connection is one job, and one process:
 *
 *     service                        worker
 *     PART …                                       what is asked with: texts and pictures, each a sealed memfd
 *     ASK                            <- PROGRESS … until it has an answer
 *     CANCEL, or end of file         <- RESULT …   one for each of Ask.count, with a sealed memfd; partial pictures beside them
 *                                    <- DONE | FAILED (code -ECANCELED after CANCEL), then it ends
 *
 * After CANCEL, or end of file, the worker may go on for NET_CANCEL_MS: it tells the server that the task is wanted no more.
 * Who kills it before leaves the task there, to be paid.
 *
 * With ASK_DRY_RUN nothing leaves the machine: each RESULT is a request as it would be sent, its key replaced by a mark. One
 * request may ask for several pictures, so there may be fewer than Ask.count. With ASK_CHECK nothing is drawn: the one RESULT
 * says what the server says of itself.
 *
 * The worker reads the server's answer, the service sees results only: texts that are valid UTF-8 of bounded length, and
 * bytes of pictures that it hands on unread to a worker that decodes. A key is fetched by the worker (net/key.h); the
 * service never has it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/request.h"

#define NET_REVISED_MAX 4096 /* bytes, its 0 included */
#define NET_CANCEL_MS 5000 /* that telling a server may take */

#define NET_VERSION (1U << 24 | (uint32_t)sizeof(NetMessage))

typedef enum NetMessageType {
        /* service to worker */
        NET_PART,
        NET_ASK,
        NET_CANCEL,
        /* worker to service */
        NET_PROGRESS,
        NET_RESULT,
        NET_DONE,
        NET_FAILED,
        NET_TYPE_MAX,
} NetMessageType;

/* How a server is spoken to; one file each (net/dialect.c). */
typedef enum NetDialect {
        NET_DIALECT_CHAT, /* texts: POST …/chat/completions. All others make pictures (net/capabilities.h says which). */
        NET_DIALECT_OPENAI_IMAGES, /* DALL-E, gpt-image, and all that copy it: POST …/images/generations, /images/edits */
        NET_DIALECT_WEBUI, /* AUTOMATIC1111 and its copies: POST …/sdapi/v1/txt2img, /img2img */
        NET_DIALECT_STABILITY, /* POST …/v2beta/stable-image/generate/NAME */
        NET_DIALECT_RUNWAY, /* POST …/v1/text_to_image */
        NET_DIALECT_MIDJOURNEY_PROXY, /* POST …/mj/submit/imagine, of a proxy that its user runs */
        NET_DIALECT_COMFYUI, /* POST …/prompt, with NET_PART_WORKFLOW */
        NET_DIALECT_PROGRAM, /* a program of this machine, docs/providers.md; the url is its absolute path */
        NET_DIALECT_MAX,
} NetDialect;

typedef enum NetPart {
        NET_PART_ROLE, /* text: what the server shall be; the system prompt */
        NET_PART_PROMPT, /* text: the idea, or the question */
        NET_PART_EARLIER, /* text: what it answered before, to be changed … */
        NET_PART_CHANGE, /* … in this way */
        NET_PART_PICTURE, /* a PNG or JPEG that our own worker has made: to be described, or to start from */
        NET_PART_NEGATIVE, /* text: what the picture shall not show */
        NET_PART_MASK, /* a PNG that our own worker has made, as large as the picture, in the way of Capabilities.mask */
        NET_PART_WORKFLOW, /* text: ComfyUI's JSON with placeholders, docs/providers.md */
        NET_PART_MAX,
} NetPart;

/* Milliseconds and bytes; none is 0. */
typedef struct NetLimits {
        uint32_t connect_ms; /* until the connection stands, TLS included */
        uint32_t first_byte_ms; /* from then until the answer begins */
        uint32_t idle_ms; /* in which an answer that has begun brings less than a few bytes a second */
        uint32_t total_ms; /* all of it, with every try */
        uint32_t answer_bytes; /* headers and body of one answer */
        uint32_t tries; /* of one request */
} NetLimits;

enum {
        NET_ASK_DRY_RUN = 1U << 0,
        NET_ASK_STREAM = 1U << 1, /* the answer in pieces, as it is made */
        NET_ASK_SEED = 1U << 2, /* NetAsk.seed, and the next ones for further results */
        NET_ASK_CHECK = 1U << 3, /* whether it would be answered: the server is there, and takes the key */
};

/* What is asked of a server that makes pictures. What it cannot do (net/capabilities.h) must not be asked: then NET_UNSUPPORTED. */
typedef struct NetDraw {
        uint32_t width, height; /* pixels, one of the server's sizes; both 0: it decides */
        uint32_t steps; /* 0: the server decides */
        uint32_t previews; /* partial pictures that are wanted of each, up to NET_PREVIEWS_MAX; fewer may come */
        uint32_t format; /* a PictureFormat */
        uint32_t compression; /* the quality of JPEG and WebP, 1 to 100; 0: the server decides */
        double guidance; /* negative: the server decides */
        double strength; /* with NET_PART_PICTURE: how much of it is drawn anew, 0 to 1; negative: the server decides */
        char quality[16], style[32], background[16], moderation[16]; /* in the server's words; "": it decides */
} NetDraw;

typedef struct NetAsk {
        char url[512]; /* http or https, without a query; the dialect appends its paths. Of a program: its path. */
        char model[128]; /* as the server calls it; "": it has one */
        char key[64]; /* the key's name, [A-Za-z0-9._-]*; "": none is sent */
        char ca[256]; /* a file of certificates that are trusted instead of the system's; "": these */
        uint32_t dialect; /* a NetDialect */
        uint32_t flags;
        uint32_t count; /* results, 1 to NET_COUNT_MAX */
        uint32_t tokens; /* that an answer may have; 0: the server decides */
        double temperature; /* 0 to 2; negative: the server decides */
        uint64_t seed;
        NetDraw draw; /* of dialects that make pictures */
        NetLimits limits;
} NetAsk;

typedef enum NetStage {
        NET_STAGE_KEY, /* the key is fetched; a keyring may ask its user */
        NET_STAGE_CONNECTING, /* told before anything is sent */
        NET_STAGE_WAITING, /* for the answer to begin */
        NET_STAGE_RECEIVING,
        NET_STAGE_BACKING_OFF, /* the server was busy; it is asked again after wait_ms */
        NET_STAGE_QUEUED, /* the server has the task, and has not begun */
        NET_STAGE_DRAWING, /* the server says how far it is */
        NET_STAGE_MAX,
} NetStage;

typedef struct NetProgress {
        uint32_t stage; /* a NetStage */
        uint32_t result; /* which of count */
        uint32_t try; /* from 1 */
        uint32_t wait_ms;
        uint32_t may_cost; /* 1: what was asked for before may have to be paid */
        uint64_t received; /* bytes of this answer so far */
        double fraction; /* of this picture, 0 to 1; negative: not known */
        char task[128]; /* as the server calls it, for its user's eyes; "": it has none */
} NetProgress;

typedef enum NetResultKind {
        NET_RESULT_TEXT,
        NET_RESULT_REQUEST, /* of a dry run: header and body, any bytes */
        NET_RESULT_PICTURE, /* bytes as they came: nobody has looked into them */
        NET_RESULT_PARTIAL, /* likewise, of a picture that is not finished; not one of Ask.count, and may be missing */
        NET_RESULT_CHECK, /* of ASK_CHECK: a JSON object {"models":["…"],"credits":12.5}, both optional */
        NET_RESULT_KIND_MAX,
} NetResultKind;

typedef struct NetResult {
        uint32_t result; /* which of count, in order */
        uint32_t kind; /* a NetResultKind */
        uint32_t truncated; /* 1: the server's limit of tokens ended the text */
        uint32_t has_seed; /* 1: the server said with which seed */
        uint64_t tokens_in, tokens_out; /* as the server counts them; 0: it does not say, or has said it of a result before */
        char model[128]; /* as the server names it; "": it does not say */
        /* of pictures: */
        uint64_t seed;
        uint64_t tokens_in_pictures; /* those of tokens_in that pictures were; the rest was text */
        double cost; /* in units of currency, as the server says; negative: it does not say */
        char currency[8]; /* "USD", "credits"; "": it does not say */
        char mime[64]; /* as the server says, in lower case: not to be believed */
        char revised[NET_REVISED_MAX]; /* the prompt that the server drew in place of the one that it got; "": it does not say */
} NetResult;

/* The codes of failures, beyond -ECANCELED, -ENOMEM and -EINVAL (a part is missing, or the address is none). */
#define NET_UNSUPPORTED (-EOPNOTSUPP) /* the server has no such option, net/capabilities.h */
#define NET_NO_KEY (-ENOKEY) /* there is none of that name, or the keyring is locked */
#define NET_KEY_REJECTED (-EKEYREJECTED) /* 401, 403 */
#define NET_REFUSED (-ECONNABORTED) /* the server will not do this, for a reason of its rules */
#define NET_LIMITED (-EUSERS) /* too many requests, or the account is spent */
#define NET_UNREACHABLE (-ENETUNREACH) /* no address, connection, trust, or answer in time */
#define NET_BAD_ANSWER (-EREMOTEIO) /* an error of the server, or what is no answer to this request */

typedef struct NetFailure {
        int32_t code; /* negative errno */
        uint32_t may_cost; /* 1: the server got a request for which it has not said that it failed */
        uint32_t wait_s; /* before which the server does not want to be asked again; 0: it does not say */
        char text[ERROR_TEXT_MAX]; /* one sentence; may quote the server, never the key, prompt or picture */
} NetFailure;

typedef struct NetMessage {
        uint32_t version; /* NET_VERSION */
        uint32_t type; /* a NetMessageType */
        union {
                uint32_t part; /* a NetPart */
                NetAsk ask;
                NetProgress progress;
                NetResult result;
                NetFailure failed;
        };
} NetMessage;

#define NET_COUNT_MAX 16
#define NET_TEXT_MAX (32U * 1024) /* of a PART and of a RESULT, bytes */
#define NET_WORKFLOW_MAX (256U * 1024)
#define NET_PICTURE_MAX (16U * 1024 * 1024) /* of a PART */
#define NET_DRAWN_MAX INPUT_BYTES_MAX /* of a RESULT that is a picture: what the worker that finishes it reads */
#define NET_REQUEST_MAX (48U * 1024 * 1024) /* a picture and its mask in base64 */
#define NET_PREVIEWS_MAX 16
#define NET_STEPS_MAX 500
#define NET_SIDE_MAX 16384 /* pixels */
#define NET_TOKENS_MAX 100000
#define NET_MS_MAX (24U * 3600 * 1000)
#define NET_ANSWER_MAX (256U * 1024 * 1024)
#define NET_TRIES_MAX 10

/* As protocol_send() and protocol_receive() of workers/protocol.h. */
int net_send(int socket, const NetMessage *message, int fd);
int net_receive(int socket, NetMessage *ret, int *ret_fd);

/* Whether a key, and so a file of credentials, may have this name: 1 to 63 of [A-Za-z0-9._-], beginning with no dot. */
bool net_is_key_name(const char *name);

const char *net_dialect_to_string(NetDialect dialect);
int net_dialect_from_string(const char *name); /* or -EINVAL */
