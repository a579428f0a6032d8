/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the service and a worker say to each other over a SOCK_SEQPACKET socketpair: one message a packet, a header and
 * one struct of fixed size, at most one descriptor. Both ends are the same build on the same machine, so the layout
 * is the compiler's; both ends still check every message (protocol_receive), for either may be broken or hostile.
 *
 *     service                                   worker (imagined-engine --socket FD --model DIR)
 *                                <- DIGEST      with --verify, for a model that has a SHA256SUMS, before it is loaded
 *                                <- READY       the model is loaded; or FAILED with job 0, then it ends
 *                                <- PACKED      with --new-pack: its file is whole now
 *     RESUME job                                before the GENERATE of a job that was interrupted: where to go on
 *     GENERATE job               <- STARTED     what the model made of the request
 *                                <- PROGRESS …  at each stage and step
 *                                <- STATE …     how far the picture is, with a memfd, for RESUME
 *     INPUT job                                 likewise, for each picture that the job starts from: its pixels
 *     CANCEL job, PREVIEW job    <- PREVIEW_IS  with a memfd
 *                                <- PICTURE     one for each of Request.count, with a memfd
 *                                <- DONE | FAILED (code -ECANCELED after CANCEL)
 *     PARK job                   <- STATE, PARKED   after the step at work, or between pictures; DONE if it was the end
 *     PING n                     <- PONG n      answered at any time, also while a picture is being made; what has been done so far
 *     end of file: the worker ends
 *
 * With --digest in its command a worker says DIGEST, or FAILED with job 0, and ends.
 *
 * With --decode it has no model, and makes pixels of pictures that strangers sent:
 *
 *     DECODE job                 <- PIXELS | FAILED
 *
 * or what a picture of another generator is to become (engine/foreign.h):
 *
 *     GENERATE job, PROVENANCE job              the request, and who has drawn
 *     FOREIGN job                <- PICTURE | PREVIEW_IS | FAILED
 *
 * One job runs at a time; a second GENERATE before DONE or FAILED is answered with FAILED (-EBUSY). */

#include "base/provenance.h"
#include "base/request.h"

/* Raised with the meaning of messages; their size is part of it, so that a field more is another version by itself. */
#define PROTOCOL_VERSION (6U << 24 | (uint32_t)sizeof(Message))

typedef enum MessageType {
        /* service to worker */
        MESSAGE_GENERATE,
        MESSAGE_CANCEL,
        MESSAGE_PREVIEW,
        MESSAGE_PING,
        MESSAGE_PARK,
        MESSAGE_RESUME,
        MESSAGE_INPUT,
        MESSAGE_DECODE,
        MESSAGE_PROVENANCE,
        MESSAGE_FOREIGN,
        /* worker to service */
        MESSAGE_READY,
        MESSAGE_STARTED,
        MESSAGE_PROGRESS,
        MESSAGE_PREVIEW_IS,
        MESSAGE_PICTURE,
        MESSAGE_DONE,
        MESSAGE_FAILED,
        MESSAGE_PONG,
        MESSAGE_DIGEST,
        MESSAGE_STATE,
        MESSAGE_PARKED,
        MESSAGE_PACKED,
        MESSAGE_PIXELS,
        MESSAGE_TYPE_MAX,
} MessageType;

/* A model's files, and the SHA256SUMS that its author may have put beside them. */
typedef enum ModelCheck {
        MODEL_UNLISTED, /* there is no SHA256SUMS */
        MODEL_VERIFIED,
        MODEL_MISMATCH,
        MODEL_CHECK_MAX,
} ModelCheck;

/* READY: what the worker found in the model's folder. Strings are terminated, valid UTF-8. */
typedef struct ModelReady {
        char name[64]; /* [A-Za-z0-9._-]+ */
        char version[32];
        char license[64];
        uint32_t width, height; /* pixels by default */
        uint32_t size_multiple; /* width and height must be multiples of it */
        uint32_t steps; /* by default */
        uint32_t sampler;
        uint32_t precision; /* in which it draws by default: PRECISION_F32 … */
        uint32_t reserved;
        double guidance;
        uint64_t parameters;
} ModelReady;

#define PROTOCOL_DIGEST_SIZE 65 /* 64 hexadecimal digits and the end */
#define PROTOCOL_DIGESTS_BYTES_MAX (1U << 16)

/* DIGEST: what the model's files are (engine/model/digest.h says how it is made), and what the model says about itself,
 * as in READY but possibly empty. Its descriptor, if any came, is a sealed memfd with the text that the digest is of. */
typedef struct DigestInfo {
        char digest[PROTOCOL_DIGEST_SIZE];
        uint32_t check; /* a ModelCheck */
        char difference[256]; /* with MODEL_MISMATCH: which file differs first, and how */
        char name[64], version[32], license[64];
} DigestInfo;

typedef struct Progress {
        uint32_t picture; /* 0 … count - 1 */
        uint32_t stage; /* a Stage */
        uint32_t step, steps; /* of this stage: steps done so far, and in all */
        double fraction; /* of the whole job, 0 to 1, never decreasing */
} Progress;

/* PONG: whether computing comes forward shows in what is other than in the answer before. */
typedef struct Pong {
        uint64_t ping; /* the number of the PING */
        uint64_t done; /* pieces of work since the process began, whatever they are */
        uint64_t spent; /* µs of processor time, of all its threads */
} Pong;

typedef struct PreviewInfo { /* PREVIEW_IS; its descriptor is a sealed memfd with a PNG, longest side at most 256 */
        uint32_t picture;
        uint32_t step;
        uint32_t width, height;
} PreviewInfo;

typedef struct PictureInfo { /* PICTURE; its descriptor is a sealed memfd with a PNG */
        uint32_t picture;
        uint32_t width, height;
        uint32_t precision; /* in which it was drawn; PRECISION_AUTO: not known */
        uint64_t seed;
        char pixels[PROTOCOL_DIGEST_SIZE]; /* SHA-256 of the pixels before they were encoded, 8-bit RGB, rows from top to
                                              bottom; "": not known */
        char tokenizer[PROTOCOL_DIGEST_SIZE]; /* of the tokenizer's files (engine/text/tokenizer.h); "": not known */
        uint8_t reserved[6];
} PictureInfo;

/* STATE; its descriptor is a sealed memfd whose bytes only the engine understands. RESUME hands it back: then pictures
 * before `picture` are not made again, and that one goes on from the state, or begins anew where none comes with it. */
typedef struct StateInfo {
        uint32_t picture;
        uint32_t step;
} StateInfo;

/* PIXELS and INPUT; its descriptor is a sealed memfd with width x height x 4 bytes, RGBA, rows from top to bottom. DECODE
 * has no size; its descriptor is a sealed memfd with a PNG, JPEG or WebP. */
typedef struct PixelsInfo {
        uint32_t input; /* an Input */
        uint32_t width, height;
        uint32_t reserved;
} PixelsInfo;

/* What is to become of a picture that was not drawn here. */
typedef enum ForeignUse {
        FOREIGN_RESULT, /* touched, stamped, and of the request's format: PICTURE */
        FOREIGN_PREVIEW, /* a small PNG: PREVIEW_IS */
        FOREIGN_SOURCE, /* a PNG of that size without any text in it, to be sent on: PICTURE */
        FOREIGN_MASK_BRIGHT, /* likewise of a mask, bright where it is to be drawn anew … */
        FOREIGN_MASK_CLEAR, /* … or clear, with an alpha of 0 */
        FOREIGN_USE_MAX,
} ForeignUse;

/* FOREIGN; its descriptor is a sealed memfd with a PNG, JPEG or WebP, for all that is known. */
typedef struct ForeignInfo {
        uint32_t use; /* a ForeignUse */
        uint32_t picture;
        uint32_t width, height; /* of the source; 0: as it is */
        uint64_t seed;
} ForeignInfo;

typedef struct Failure {
        int32_t code; /* negative errno */
        char text[ERROR_TEXT_MAX];
} Failure;

typedef struct Message {
        uint32_t version; /* PROTOCOL_VERSION */
        uint32_t type; /* a MessageType */
        uint64_t job; /* the service's number for it; 0: none */
        union {
                Request generate;
                uint64_t ping;
                Pong pong;
                ModelReady ready;
                DigestInfo digest;
                Resolved started;
                Progress progress;
                PreviewInfo preview;
                PictureInfo picture;
                StateInfo state; /* and RESUME */
                PixelsInfo pixels; /* and INPUT, DECODE */
                Provenance provenance;
                ForeignInfo foreign;
                Failure failed;
        };
} Message;

/* Limits on what a worker may send back. */
#define PROTOCOL_PICTURE_BYTES_MAX (64U * 1024 * 1024)
#define PROTOCOL_PREVIEW_BYTES_MAX (1U * 1024 * 1024)
#define PROTOCOL_PREVIEW_SIDE_MAX 256
#define PROTOCOL_STATE_BYTES_MAX (64U * 1024 * 1024)
#define PROTOCOL_PIXELS_BYTES_MAX ((size_t)INPUT_PIXELS_MAX * 4)

/* Sends one message, with a duplicate of fd unless it is -1. 0, or a negative errno: -EAGAIN when a non-blocking socket
 * is full, -EPIPE when the other side is gone. */
int protocol_send(int socket, const Message *message, int fd);

/* Receives one message. *ret_fd is -1 if none came; otherwise the caller owns it. 1 for a message, 0 at end of file,
 * -EAGAIN when nothing is there, -EBADMSG when the message is not what this header says (wrong version, type, size, an
 * unterminated or non-UTF-8 string, a number out of range, a missing, unsealed or superfluous descriptor): then
 * nothing is returned and the peer is not to be trusted any further. */
int protocol_receive(int socket, Message *ret, int *ret_fd);
