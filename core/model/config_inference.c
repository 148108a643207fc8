/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/config_inference.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/config_table.h"
#include "core/util/json.h"
#include "core/util/xmalloc.h"

#define HOST_MAX 63
#define URL_MAX 200

bool config_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *again = NULL; /* the last *, and what it does not cover yet */
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            again = text;
        } else if (*pattern == '?' || (*pattern != '\0' && *pattern == *text)) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++again;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* Does one of the patterns match? */
static bool matches(const struct strvec *patterns, const char *text)
{
    for (size_t i = 0; text != NULL && text[0] != '\0' && i < patterns->len; i++) {
        if (config_glob(patterns->v[i], text)) {
            return true;
        }
    }
    return false;
}

size_t config_inference_find(const struct config_inference *list, size_t count, const char *project,
                             const char *profile)
{
    for (size_t i = 0; i < count; i++) {
        if (matches(&list[i].sandboxes, project) || matches(&list[i].profiles, profile)) {
            return i + 1;
        }
    }
    return 0;
}

bool config_inference_is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        return (ntohl(v4.s_addr) >> 24) == 127;
    }
    return strcmp(host, "localhost") == 0 || (inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6));
}

/* --- reading --- */

/* One entry while it is read; `bad`: it was warned of, and is left out. */
struct entry {
    struct config *c;
    const struct toml *table;
    struct config_inference e;
    bool bad;
};

/* Says what is wrong with a value, or (NULL) with the whole entry. */
static void refuse(struct entry *n, const struct toml *at, const char *key, const char *what)
{
    n->bad = true;
    at = at != NULL ? at : n->table;
    config_warn(n->c, at->line, at->col, "inference%s%s: %s; the entry is left out", key[0] != '\0' ? "." : "", key,
                what);
}

/* A string value, "" where there is none. */
static const char *text_of(struct entry *n, const char *key)
{
    const struct toml *v = toml_get(n->table, key);
    if (v != NULL && v->type != TOML_STRING) {
        refuse(n, v, key, "expected a string");
    }
    return v != NULL && v->type == TOML_STRING ? v->string : "";
}

/* [a-z0-9-], of its own. */
static void take_name(struct entry *n)
{
    const char *name = text_of(n, "name");
    const struct toml *at = toml_get(n->table, "name");
    size_t len = strlen(name);
    if (n->bad) {
        return;
    }
    if (len < 1 || len > 31 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len || name[0] == '-') {
        refuse(n, at, "name", "an endpoint needs a name of 1 to 31 small letters, digits and -");
    } else if (strcmp(name, "default") == 0) {
        refuse(n, at, "name", "\"default\" is the one that server_port tells of");
    }
    for (size_t i = 0; i < n->c->inference_count; i++) {
        if (strcmp(n->c->inference[i].name, name) == 0) {
            refuse(n, at, "name", "two endpoints have this name");
        }
    }
    n->e.name = xstrdup(name);
}

/* What is wrong with a host name or address; NULL: nothing. */
static const char *host_problem(const char *host)
{
    static const char NAME[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    struct in6_addr v6;
    size_t len = strlen(host);
    if (len == 0) {
        return "an endpoint needs a host, or a url of the form http://host:port";
    }
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
        return "this is where servers listen, not where one talks to them: write 127.0.0.1";
    }
    bool name = host[0] != '-' && strspn(host, NAME) == len;
    return len > HOST_MAX || (!name && inet_pton(AF_INET6, host, &v6) != 1)
               ? "expected a host name or an address, without a port"
               : NULL;
}

/* Takes http://host:port apart; a path of "/" or "/v1" is what everybody writes. NULL: it is understood. */
static const char *split_url(const char *url, char host[HOST_MAX + 2], int64_t *port)
{
    const char *p = url + 7, *end;
    if (strncmp(url, "https://", 8) == 0) {
        return "https is not spoken here: put a proxy on 127.0.0.1 before it, or use http";
    }
    if (strncmp(url, "http://", 7) != 0 || strlen(url) > URL_MAX) {
        return "expected http://host:port";
    }
    if (*p == '[') {
        end = strchr(++p, ']');
    } else {
        end = p + strcspn(p, ":/?#");
    }
    if (end == NULL || (size_t)(end - p) > HOST_MAX) {
        return "expected http://host:port";
    }
    str_format(host, HOST_MAX + 2, "%.*s", (int)(end - p), p);
    p = end + (*end == ']' ? 1 : 0);
    *port = 80;
    if (*p == ':') {
        size_t digits = strspn(p + 1, "0123456789");
        *port = digits > 0 && digits < 6 ? strtol(p + 1, NULL, 10) : 0;
        p += 1 + digits;
    }
    return strcmp(p, "") != 0 && strcmp(p, "/") != 0 && strcmp(p, "/v1") != 0 && strcmp(p, "/v1/") != 0
               ? "expected http://host:port and nothing behind it"
               : NULL;
}

/* host and port, or url. */
static void take_place(struct entry *n)
{
    const struct toml *port = toml_get(n->table, "port"), *url = toml_get(n->table, "url"),
                      *host = toml_get(n->table, "host");
    char from_url[HOST_MAX + 2] = "";
    const char *name = text_of(n, "host"), *whole = text_of(n, "url"), *problem = NULL;
    n->e.port = 8080;
    if (n->bad) {
        return;
    }
    if (url != NULL && (host != NULL || port != NULL)) {
        refuse(n, url, "url", "give a url, or host and port");
        return;
    }
    if (url != NULL) {
        problem = split_url(whole, from_url, &n->e.port);
        name = from_url;
    } else if (port != NULL && port->type != TOML_INT) {
        refuse(n, port, "port", "expected a whole number");
        return;
    } else if (port != NULL) {
        n->e.port = port->integer;
    }
    problem = problem != NULL ? problem : host_problem(name);
    if (problem != NULL) {
        refuse(n, url != NULL ? url : host, url != NULL ? "url" : "host", problem);
    } else if (n->e.port < 1 || n->e.port > 65535) {
        refuse(n, url != NULL ? url : port, url != NULL ? "url" : "port", "a port is between 1 and 65535");
    }
    n->e.host = xstrdup(name);
}

/* key_file, key_env. The variable is taken out of our environment, so it has to look like one that is a key. */
static void take_key(struct entry *n)
{
    const char *file = text_of(n, "key_file"), *env = text_of(n, "key_env");
    size_t len = strlen(env);
    static const char WORD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    static const char NAME[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/-";
    bool named = strstr(env, "KEY") != NULL || strstr(env, "TOKEN") != NULL || strstr(env, "SECRET") != NULL;
    if (len > 0 && (strspn(env, WORD) != len || len > 100 || !named)) {
        refuse(n, toml_get(n->table, "key_env"), "key_env",
               "expected the name of a variable, with KEY, TOKEN or SECRET in it");
    }
    n->e.key_file = xstrdup(file);
    n->e.key_env = xstrdup(env);
    n->e.model = xstrdup(text_of(n, "model"));
    len = strlen(n->e.model);
    if (strspn(n->e.model, NAME) != len || len > 150) {
        refuse(n, toml_get(n->table, "model"), "model", "only letters, digits and . _ : / -");
    }
}

/* A list of patterns. */
static void take_patterns(struct entry *n, const char *key, struct strvec *out)
{
    const struct toml *list = toml_get(n->table, key);
    if (list != NULL && list->type != TOML_ARRAY) {
        refuse(n, list, key, "expected a list of names, like [\"web-*\"]");
        return;
    }
    for (const struct toml *v = list != NULL ? list->first : NULL; v != NULL; v = v->next) {
        if (v->type != TOML_STRING || v->string[0] == '\0') {
            refuse(n, v, key, "expected a name, like \"web-*\"");
            return;
        }
        strvec_push(out, v->string);
    }
}

/* Frees what one entry holds. */
static void entry_release(struct config_inference *e)
{
    free(e->name);
    free(e->host);
    free(e->key_file);
    free(e->key_env);
    free(e->model);
    strvec_release(&e->sandboxes);
    strvec_release(&e->profiles);
}

/* One [[inference]]. */
static void take_entry(struct config *c, const struct toml *t)
{
    static const char *const KNOWN[] = {"name",    "host",  "port",      "url",     "key_file",
                                        "key_env", "model", "sandboxes", "profiles"};
    struct entry n = {.c = c, .table = t, .e = {.line = t->line, .sandboxes = STRVEC_INIT, .profiles = STRVEC_INIT}};
    take_name(&n);
    take_place(&n);
    take_key(&n);
    take_patterns(&n, "sandboxes", &n.e.sandboxes);
    take_patterns(&n, "profiles", &n.e.profiles);
    for (const struct toml *v = t->first; v != NULL; v = v->next) {
        bool known = false;
        for (size_t i = 0; i < MT_ARRAY_LEN(KNOWN); i++) {
            known = known || strcmp(v->key, KNOWN[i]) == 0;
        }
        if (!known) {
            config_warn(c, v->key_line, v->key_col, "inference.%s: there is no such setting", v->key);
        }
    }
    if (!n.bad && c->inference_count == CONFIG_INFERENCE_MAX) {
        refuse(&n, NULL, "", "there are too many endpoints");
    }
    if (n.bad) {
        entry_release(&n.e);
        return;
    }
    c->inference = xreallocarray(c->inference, c->inference_count + 1, sizeof(*c->inference));
    c->inference[c->inference_count++] = n.e;
}

void config_inference_apply(struct config *c, const struct toml *list)
{
    bool array = list->type == TOML_ARRAY;
    if (!array) {
        config_warn(c, list->key_line, list->key_col, "inference: expected [[inference]] tables; it is left out");
    }
    for (const struct toml *t = array ? list->first : NULL; t != NULL; t = t->next) {
        if (t->type == TOML_TABLE) {
            take_entry(c, t);
        } else {
            config_warn(c, t->line, t->col, "inference: expected [[inference]] tables; this is left out");
        }
    }
}

void config_inference_drop(struct config *c)
{
    for (size_t i = 0; i < c->inference_count; i++) {
        entry_release(&c->inference[i]);
    }
    free(c->inference);
    c->inference = NULL;
    c->inference_count = 0;
}

/* --- showing --- */

/* key = ["a", "b"] */
static void show_list(struct strbuf *out, const char *key, const struct strvec *list)
{
    strbuf_addf(out, "%s = [", key);
    for (size_t i = 0; i < list->len; i++) {
        strbuf_addstr(out, i > 0 ? ", " : "");
        config_quote(out, list->v[i]);
    }
    strbuf_addstr(out, "]\n");
}

/* key = "text", unless there is none */
static void show_text(struct strbuf *out, const char *key, const char *text)
{
    if (text[0] != '\0') {
        strbuf_addf(out, "%s = ", key);
        config_quote(out, text);
        strbuf_addch(out, '\n');
    }
}

void config_inference_show(const struct config *c, struct strbuf *out)
{
    for (size_t i = 0; i < c->inference_count; i++) {
        const struct config_inference *e = &c->inference[i];
        strbuf_addf(out, "\n[[inference]] # %s:%d\n", c->path, e->line);
        show_text(out, "name", e->name);
        show_text(out, "host", e->host);
        strbuf_addf(out, "port = %lld\n", (long long)e->port);
        show_text(out, "key_file", e->key_file);
        show_text(out, "key_env", e->key_env);
        show_text(out, "model", e->model);
        show_list(out, "sandboxes", &e->sandboxes);
        show_list(out, "profiles", &e->profiles);
    }
}

struct json *config_inference_json(const struct config *c)
{
    struct json *list = json_new_array();
    for (size_t i = 0; i < c->inference_count; i++) {
        const struct config_inference *e = &c->inference[i];
        struct json *row = json_new_object();
        json_set_string(row, "name", e->name);
        json_set_string(row, "host", e->host);
        json_set_int(row, "port", e->port);
        json_set_string(row, "key_file", e->key_file[0] != '\0' ? e->key_file : NULL);
        json_set_string(row, "key_env", e->key_env[0] != '\0' ? e->key_env : NULL);
        json_set_string(row, "model", e->model[0] != '\0' ? e->model : NULL);
        json_set_strings(row, "sandboxes", &e->sandboxes);
        json_set_strings(row, "profiles", &e->profiles);
        json_append(list, row);
    }
    return list;
}
