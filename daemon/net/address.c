/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <netinet/in.h>
#include <string.h>

#include "base/util.h"
#include "net/address.h"

typedef struct Range {
        uint8_t start[16];
        unsigned bits;
} Range;

static bool is_in(const uint8_t *address, const Range *range)
{
        const unsigned whole = range->bits / 8, rest = range->bits % 8;

        return memcmp(address, range->start, whole) == 0 &&
               (rest == 0 || (address[whole] ^ range->start[whole]) >> (8 - rest) == 0);
}

static bool is_in_any(const uint8_t *address, const Range *ranges, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (is_in(address, &ranges[i]))
                        return true;
        return false;
}

/* What IANA's registry of special purposes has. */
static bool four_is_public(const uint8_t address[static 4])
{
        static const Range special[] = {
                { { 0 }, 8 },           { { 10 }, 8 },           { { 100, 64 }, 10 },    { { 127 }, 8 },         { { 169, 254 }, 16 },
                { { 172, 16 }, 12 },    { { 192, 0, 0 }, 24 },   { { 192, 0, 2 }, 24 },  { { 192, 88, 99 }, 24 }, { { 192, 168 }, 16 },
                { { 198, 18 }, 15 },    { { 198, 51, 100 }, 24 }, { { 203, 0, 113 }, 24 }, { { 224 }, 4 },         { { 240 }, 4 },
        };

        return !is_in_any(address, special, ELEMENTSOF(special));
}

static bool six_is_public(const uint8_t address[static 16])
{
        static const Range mapped = { { [10] = 0xff, [11] = 0xff }, 96 }, translated = { { 0x00, 0x64, 0xff, 0x9b }, 96 },
                           six_to_four = { { 0x20, 0x02 }, 16 }, global = { { 0x20 }, 3 };
        static const Range special[] = { { { 0x20, 0x01, 0x00 }, 23 }, { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, { { 0x3f, 0xff, 0x00 }, 20 } };

        if (is_in(address, &mapped) || is_in(address, &translated))
                return four_is_public(address + 12);
        if (is_in(address, &six_to_four))
                return four_is_public(address + 2);
        return is_in(address, &global) && !is_in_any(address, special, ELEMENTSOF(special));
}

bool address_is_public(const struct sockaddr *address)
{
        if (address->sa_family == AF_INET)
                return four_is_public((const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr);
        if (address->sa_family == AF_INET6)
                return six_is_public(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
        return false;
}
