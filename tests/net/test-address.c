/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which addresses a server may send us to. */

#include "harness.h"

#include <arpa/inet.h>

#include "net/address.h"

static bool is_public(const char *text)
{
        struct sockaddr_in four = { .sin_family = AF_INET };
        struct sockaddr_in6 six = { .sin6_family = AF_INET6 };

        if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
                return address_is_public((const struct sockaddr *)&four);
        assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
        return address_is_public((const struct sockaddr *)&six);
}

static void test_public(void **state)
{
        static const char *const addresses[] = {
                "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
                "172.15.255.255", "172.32.0.0", "192.167.1.1", "198.17.255.255", "198.20.0.0", "223.255.255.255",
                "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1",
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(addresses); i++)
                if (!is_public(addresses[i]))
                        fail_msg("%s", addresses[i]);
}

static void test_not_public(void **state)
{
        static const char *const addresses[] = {
                "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
                "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.0.1", "198.18.0.1",
                "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
                "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1",
                "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:a00:1::1", "2002:7f00:1::1", "fc00::1", "fd12::1",
                "fe80::1", "fec0::1", "ff02::1", "3fff::1", "4000::1",
        };
        static const struct sockaddr local = { .sa_family = AF_UNIX };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(addresses); i++)
                if (is_public(addresses[i]))
                        fail_msg("%s", addresses[i]);
        assert_false(address_is_public(&local));
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_public), cmocka_unit_test(test_not_public) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
