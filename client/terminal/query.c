/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <termios.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "client/terminal/query.h"

#define ANSWER_USEC (200 * USEC_PER_MSEC)
#define NUMBERS_MAX 32
#define SIXEL_ATTRIBUTE 4

/* How many colour registers there are (XTSMGRAPHICS, xterm's control sequences; who does not know it says nothing), and then
 * the primary device attributes (DA1), which each terminal answers. */
static const char question[] = "\033[?1;1;0S\033[c";

/* "1;22;333"; returns how many there are. What does not fit is left out. */
static size_t read_numbers(const char *s, const char *end, unsigned numbers[NUMBERS_MAX])
{
        size_t n = 0;

        numbers[0] = 0;
        for (; s < end; s++) {
                if (*s == ';' && ++n == NUMBERS_MAX)
                        return n;
                if (*s == ';')
                        numbers[n] = 0;
                else if (numbers[n] < 100000)
                        numbers[n] = numbers[n] * 10 + (unsigned)(*s - '0');
        }
        return n + 1;
}

bool terminal_read_answer(const char *text, size_t size, TerminalAnswer *answer)
{
        static const char start[] = "\033[?";
        const char *end = text + size, *s = text;
        unsigned numbers[NUMBERS_MAX];

        while ((s = memmem(s, (size_t)(end - s), start, strlen(start)))) {
                const char *from = s += strlen(start);
                while (s < end && ((*s >= '0' && *s <= '9') || *s == ';'))
                        s++;
                if (s == end)
                        return false;
                const size_t n = read_numbers(from, s, numbers);
                if (*s == 'S' && n >= 3 && numbers[0] == 1 && numbers[1] == 0)
                        answer->colours = numbers[2];
                for (size_t i = 1; *s == 'c' && i < n; i++) /* the first is the kind of terminal */
                        answer->has_sixel = answer->has_sixel || numbers[i] == SIXEL_ATTRIBUTE;
                if (*s == 'c')
                        return true;
        }
        return false;
}

static int converse(int fd, TerminalAnswer *answer)
{
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + ANSWER_USEC;
        char text[1024];
        size_t size = 0;

        int r = write_all(fd, question, strlen(question));
        while (r >= 0 && size < sizeof(text)) {
                const uint64_t now = clock_usec(CLOCK_MONOTONIC);
                struct pollfd p = { .fd = fd, .events = POLLIN };
                if (poll(&p, 1, now < end ? (int)((end - now) / USEC_PER_MSEC) + 1 : 0) <= 0)
                        break;
                const ssize_t n = read(fd, text + size, sizeof(text) - size);
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                size += (size_t)n;
                if (terminal_read_answer(text, size, answer))
                        return 0;
        }
        return r < 0 ? r : -ETIMEDOUT;
}

/* Letters one by one and not shown, while we ask. No signal comes in between, so that nothing can leave it so: Ctrl-C counts
 * when the terminal is as it was, and a job that has gone into the background meanwhile is not stopped. */
static int query_in_raw_mode(int fd, TerminalAnswer *answer)
{
        struct termios before, raw;
        sigset_t all, old;

        if (tcgetattr(fd, &before) < 0)
                return -errno;
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        (void)sigfillset(&all);
        if (sigprocmask(SIG_SETMASK, &all, &old) < 0)
                return -errno;
        int r = tcsetattr(fd, TCSANOW, &raw) < 0 ? -errno : converse(fd, answer);
        if (tcsetattr(fd, TCSANOW, &before) < 0 && r >= 0)
                r = -errno;
        (void)sigprocmask(SIG_SETMASK, &old, NULL);
        return r;
}

int terminal_query(TerminalAnswer *ret)
{
        _cleanup_(closep) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
        TerminalAnswer answer = { 0 };

        if (fd < 0)
                return -errno;
        if (tcgetpgrp(fd) != getpgrp())
                return -EBUSY;
        int r = query_in_raw_mode(fd, &answer);
        if (r >= 0)
                *ret = answer;
        return r;
}
