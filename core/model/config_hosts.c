/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/config_hosts.h"

#include <stdlib.h>
#include <string.h>

#include "core/model/config_table.h"
#include "core/util/json.h"
#include "core/util/xmalloc.h"

/* One entry while it is read; `bad`: it was warned of, and is left out. */
struct entry {
    struct config *c;
    const struct toml *table;
    bool bad;
};

/* Says what is wrong with the value of `key`, where it stands, or else where the entry begins. */
static void refuse(struct entry *n, const char *key, const char *what)
{
    const struct toml *at = toml_get(n->table, key);
    n->bad = true;
    at = at != NULL ? at : n->table;
    config_warn(n->c, at->line, at->col, "hosts.%s: %s; the entry is left out", key, what);
}

/* A string value, "" where there is none. */
static const char *text_of(struct entry *n, const char *key)
{
    const struct toml *v = toml_get(n->table, key);
    if (v != NULL && v->type != TOML_STRING) {
        refuse(n, key, "expected a string");
    }
    return v != NULL && v->type == TOML_STRING ? v->string : "";
}

/* [a-z0-9-], of its own. */
static void check_name(struct entry *n, const char *name)
{
    size_t len = strlen(name);
    if (len < 1 || len > 31 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len || name[0] == '-') {
        refuse(n, "name", "a host needs a name of 1 to 31 small letters, digits and -");
        return;
    }
    for (size_t i = 0; i < n->c->host_count; i++) {
        if (strcmp(n->c->hosts[i].name, name) == 0) {
            refuse(n, "name", "two hosts have this name");
        }
    }
}

/* It goes to ssh as a word of its own: no option, nothing that a line could be made of. */
static void check_url(struct entry *n, const char *url)
{
    bool ssh = strncmp(url, "ssh://", 6) == 0 && url[6] != '\0' && url[6] != '/' && url[6] != '-';
    if (!ssh && strncmp(url, "unix:///", 8) != 0) {
        refuse(n, "url",
               "a host needs a url of the form ssh://[user@]host[:port][/path/of.sock] or unix:///path/of.sock");
        return;
    }
    for (const char *p = url; *p != '\0'; p++) {
        if ((unsigned char)*p <= ' ' || *p == 0x7f) {
            refuse(n, "url", "the url holds a space or a control character");
            return;
        }
    }
}

/* One [[hosts]]. */
static void take_entry(struct config *c, const struct toml *t)
{
    struct entry n = {.c = c, .table = t};
    const char *name = text_of(&n, "name"), *url = text_of(&n, "url"), *root = text_of(&n, "workspace_root");
    if (!n.bad) {
        check_name(&n, name);
        check_url(&n, url);
        if (root[0] != '\0' && root[0] != '/') {
            refuse(&n, "workspace_root", "workspace_root of a host is an absolute path there");
        }
    }
    for (const struct toml *v = t->first; v != NULL; v = v->next) {
        if (strcmp(v->key, "name") != 0 && strcmp(v->key, "url") != 0 && strcmp(v->key, "workspace_root") != 0) {
            config_warn(c, v->key_line, v->key_col, "hosts.%s: there is no such setting", v->key);
        }
    }
    if (n.bad) {
        return;
    }
    c->hosts = xreallocarray(c->hosts, c->host_count + 1, sizeof(*c->hosts));
    c->hosts[c->host_count++] = (struct config_host){.name = xstrdup(name),
                                                     .url = xstrdup(url),
                                                     .workspace_root = root[0] != '\0' ? xstrdup(root) : NULL,
                                                     .line = t->line};
}

void config_hosts_apply(struct config *c, const struct toml *list)
{
    bool array = list->type == TOML_ARRAY;
    if (!array) {
        config_warn(c, list->key_line, list->key_col, "hosts: expected [[hosts]] tables; it is left out");
    }
    for (const struct toml *t = array ? list->first : NULL; t != NULL; t = t->next) {
        if (t->type == TOML_TABLE) {
            take_entry(c, t);
        } else {
            config_warn(c, t->line, t->col, "hosts: expected [[hosts]] tables; this is left out");
        }
    }
}

void config_hosts_drop(struct config *c)
{
    for (size_t i = 0; i < c->host_count; i++) {
        free(c->hosts[i].name);
        free(c->hosts[i].url);
        free(c->hosts[i].workspace_root);
    }
    free(c->hosts);
    c->hosts = NULL;
    c->host_count = 0;
}

void config_hosts_show(const struct config *c, struct strbuf *out)
{
    for (size_t i = 0; i < c->host_count; i++) {
        const struct config_host *h = &c->hosts[i];
        strbuf_addf(out, "\n[[hosts]] # %s:%d\nname = ", c->path, h->line);
        config_quote(out, h->name);
        strbuf_addstr(out, "\nurl = ");
        config_quote(out, h->url);
        strbuf_addstr(out, "\nworkspace_root = ");
        config_quote(out, h->workspace_root != NULL ? h->workspace_root : "");
        strbuf_addch(out, '\n');
    }
}

struct json *config_hosts_json(const struct config *c)
{
    struct json *list = json_new_array();
    for (size_t i = 0; i < c->host_count; i++) {
        struct json *row = json_new_object();
        json_set_string(row, "name", c->hosts[i].name);
        json_set_string(row, "url", c->hosts[i].url);
        json_set_string(row, "workspace_root", c->hosts[i].workspace_root);
        json_append(list, row);
    }
    return list;
}
