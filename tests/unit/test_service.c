/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of muthr's own services, and what of it is news. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/engine/naming.h"
#include "core/model/model.h"
#include "core/util/strbuf.h"

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        const struct service_kind *k = &service_kinds[i];
        assert_ptr_equal(service_find(k->name), k);
        assert_ptr_equal(service_find(k->name + strlen("muthr-")), k);
        assert_true(naming_is_infrastructure(k->name)); /* N7: the two lists agree */
    }
    assert_null(service_find(""));
    assert_null(service_find("muthr-"));
    assert_null(service_find("muthr-demo"));
    for (int s = SERVICE_UNKNOWN; s <= SERVICE_FOREIGN; s++) {
        for (int other = SERVICE_UNKNOWN; other < s; other++) {
            assert_string_not_equal(service_state_name((enum service_state)s),
                                    service_state_name((enum service_state)other));
        }
    }
}

static void test_states(void **state)
{
    struct service_view v = {.kind = &service_kinds[0]};
    (void)state;
    static const enum service_state there[] = {SERVICE_STOPPED, SERVICE_STARTING, SERVICE_PROVISIONING, SERVICE_RUNNING,
                                               SERVICE_FAILED};
    static const enum service_state not_ours[] = {SERVICE_UNKNOWN, SERVICE_ABSENT, SERVICE_NONE, SERVICE_FOREIGN};
    for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
        v.state = there[i];
        assert_true(service_exists(&v));
    }
    for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++) {
        v.state = not_ours[i];
        assert_false(service_exists(&v) || service_is_up(&v));
    }
}

static void test_addresses(void **state)
{
    struct service_view v = {.kind = &service_kinds[0], .port_count = 1};
    char out[80];
    (void)state;
    assert_string_equal(service_address(&v, out), ""); /* it does not run: no port is open */
    assert_false(service_is_exposed(&v));
    static const struct {
        const char *ip, *shown;
        bool exposed;
    } cases[] = {{"127.0.0.1", "127.0.0.1:18765", false}, {"127.0.0.9", "127.0.0.9:18765", false},
                 {"::1", "[::1]:18765", false},           {"", "0.0.0.0:18765", true},
                 {"0.0.0.0", "0.0.0.0:18765", true},      {"10.1.2.3", "10.1.2.3:18765", true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        v.ports[0].host_port = 18765;
        str_copy(v.ports[0].host_ip, sizeof(v.ports[0].host_ip), cases[i].ip);
        assert_string_equal(service_address(&v, out), cases[i].shown);
        assert_int_equal(service_is_exposed(&v), cases[i].exposed);
    }
}

static int events;
static char last[300];

static void on_event(void *arg, const struct model_event *ev)
{
    (void)arg;
    if (ev->kind == MODEL_SERVICE) {
        events++;
        str_copy(last, sizeof(last), ev->text);
    }
}

static void test_news(void **state)
{
    struct bus *bus = bus_new();
    struct model *m = model_new(bus);
    struct bus_sub *sub = bus_subscribe(bus, on_event, NULL);
    (void)state;
    events = 0;
    struct service_view v = *model_service_by_name(m, SERVICE_SEARCH);
    assert_ptr_equal(v.kind, service_find(SERVICE_SEARCH));
    assert_int_equal(v.provisioned, -1);
    model_put_service(m, &v);
    assert_int_equal(events, 0); /* nothing new */
    v.state = SERVICE_RUNNING;
    v.port_count = 1;
    model_put_service(m, &v);
    assert_int_equal(events, 1);
    assert_string_equal(last, SERVICE_SEARCH);
    v.ports[0].host_port = 18766;
    model_put_service(m, &v);
    str_copy(v.error, sizeof(v.error), "no");
    model_put_service(m, &v);
    model_put_service(m, &v);
    assert_int_equal(events, 3);
    assert_int_equal(model_service_by_name(m, "searxng")->ports[0].host_port, 18766);
    assert_int_equal(model_service_by_name(m, SERVICE_BRIDGE)->state, SERVICE_UNKNOWN); /* the other one */
    bus_unsubscribe(bus, sub);
    model_free(m);
    bus_free(bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
