/* SPDX-License-Identifier: Apache-2.0 */
/* config show and config init: the option table, read the other way round. */
#include <string.h>

#include "core/model/config_hosts.h"
#include "core/model/config_inference.h"
#include "core/model/config_table.h"
#include "core/util/json.h"

void config_quote(struct strbuf *out, const char *s)
{
    strbuf_addch(out, '"');
    for (; *s != '\0'; s++) {
        unsigned char ch = (unsigned char)*s;
        if (ch == '"' || ch == '\\') {
            strbuf_addf(out, "\\%c", ch);
        } else if (ch < 0x20 || ch == 0x7f) {
            strbuf_addf(out, "\\u%04X", ch);
        } else {
            strbuf_addch(out, *s);
        }
    }
    strbuf_addch(out, '"');
}

/* A row's value as TOML. */
static void add_value(struct strbuf *out, const struct config *c, const struct config_option *o)
{
    switch (o->type) {
    case CONFIG_STRING:
        config_quote(out, *(char **)config_field(c, o));
        break;
    case CONFIG_INT:
        strbuf_addf(out, "%lld", (long long)*(int64_t *)config_field(c, o));
        break;
    case CONFIG_FLOAT:
        strbuf_addf(out, "%.15g", *(double *)config_field(c, o));
        break;
    case CONFIG_BOOL:
        strbuf_addstr(out, *(bool *)config_field(c, o) ? "true" : "false");
        break;
    }
}

/* Where a row's value comes from, for people. */
static void add_origin(struct strbuf *out, const struct config *c, size_t row)
{
    const char *origin = c->origins[row];
    if (origin == NULL) {
        strbuf_addstr(out, "default");
    } else if (origin[0] >= '0' && origin[0] <= '9') {
        strbuf_addf(out, "%s:%s", c->path, origin);
    } else {
        strbuf_addstr(out, origin);
    }
}

/* `config show --output json`: {"sandbox.cpus": {"value": 2, "origin": "..."}}. */
static void show_json(const struct config *c, struct strbuf *out)
{
    struct json *root = json_new_object();
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        const struct config_option *o = &CONFIG_OPTIONS[i];
        MT_CLEANUP(strbuf) struct strbuf origin = STRBUF_INIT;
        struct json *row = json_new_object();
        char name[64];
        switch (o->type) {
        case CONFIG_STRING:
            json_set_string(row, "value", *(char **)config_field(c, o));
            break;
        case CONFIG_INT:
            json_set_int(row, "value", *(int64_t *)config_field(c, o));
            break;
        case CONFIG_FLOAT:
            json_set_double(row, "value", *(double *)config_field(c, o));
            break;
        case CONFIG_BOOL:
            json_set_bool(row, "value", *(bool *)config_field(c, o));
            break;
        }
        add_origin(&origin, c, i);
        json_set_string(row, "origin", origin.buf);
        config_option_name(o, name);
        json_set(root, name, row);
    }
    json_set(root, "hosts", config_hosts_json(c));
    json_set(root, "inference", config_inference_json(c));
    json_write(root, true, out);
    json_free(root);
}

/* The bindings of one context after another. */
static void show_keys(const struct config *c, struct strbuf *out)
{
    for (size_t i = 0; i < c->key_count; i++) {
        const struct config_key *k = &c->keys[i];
        if (i == 0 || strcmp(k->context, c->keys[i - 1].context) != 0) {
            strbuf_addstr(out, "\n[tui.keys");
            if (strcmp(k->context, "all") != 0) {
                strbuf_addch(out, '.');
                config_quote(out, k->context);
            }
            strbuf_addstr(out, "]\n");
        }
        config_quote(out, k->chord);
        strbuf_addstr(out, " = ");
        config_quote(out, k->command);
        strbuf_addf(out, " # %s:%d\n", c->path, k->line);
    }
}

void config_show(const struct config *c, bool as_json, struct strbuf *out)
{
    if (as_json) {
        show_json(c, out);
        return;
    }
    const char *table = "";
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        const struct config_option *o = &CONFIG_OPTIONS[i];
        if (strcmp(o->table, table) != 0) {
            table = o->table;
            strbuf_addf(out, "\n[%s]\n", table);
        }
        strbuf_addf(out, "%s = ", o->key);
        add_value(out, c, o);
        strbuf_addstr(out, " # ");
        add_origin(out, c, i);
        strbuf_addch(out, '\n');
    }
    config_hosts_show(c, out);
    config_inference_show(c, out);
    show_keys(c, out);
}

void config_template(struct strbuf *out)
{
    struct config c;
    memset(&c, 0, sizeof(c));
    config_set_defaults(&c);
    const char *table = "";
    strbuf_addstr(
        out, "# muthr configuration. Every setting with its default; take away the # in front of those you change.\n");
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        const struct config_option *o = &CONFIG_OPTIONS[i];
        if (strcmp(o->table, table) != 0) {
            table = o->table;
            strbuf_addf(out, "\n[%s]\n", table);
        }
        strbuf_addf(out, "\n# %s", o->help);
        if (o->env != NULL) {
            strbuf_addf(out, " (%s overrides it)", o->env);
        }
        strbuf_addf(out, "\n#%s = ", o->key);
        add_value(out, &c, o);
        strbuf_addch(out, '\n');
    }
    strbuf_addstr(out, "\n# Other machines that have podman, by ssh or a socket that is forwarded here already:\n"
                       "#[[hosts]]\n#name = \"gpu1\"\n#url = \"ssh://me@gpu1.example\"\n"
                       "#workspace_root = \"/home/me/src\"\n");
    strbuf_addstr(out,
                  "\n# Other inference servers, and which sandboxes use them (project names or profiles, with * and "
                  "?); the first\n# that matches is used, else the default one on server_port:\n"
                  "#[[inference]]\n#name = \"gpu\"\n#url = \"http://gpu1.example:8080\"\n"
                  "#key_env = \"GPU_API_KEY\" # or key_file = \"~/.config/gpu.key\"\n"
                  "#sandboxes = [\"web-*\"]\n#profiles = []\n");
    strbuf_addstr(out, "\n# Commands that run in sandboxes by themselves, for `t` and `muthr-tui task run NAME`:\n"
                       "#[tasks]\n#test = \"make test\"\n#[tasks.web]\n#command = \"npm run dev\"\n"
                       "#cwd = \"web\"\n#env = { PORT = \"3000\" }\n#restart = \"on-failure\" # never, always\n"
                       "#max_restarts = 5 # in a row; 0: without end\n#ready_port = 3000\n"
                       "#ready_match = \"listening on\"\n#workspace = [\"shop\", \"web-*\"]\n");
    strbuf_addstr(out, "\n# Key bindings: \"key\" = \"command\", or \"none\". Keys: C- Ctrl, M- Alt, S- Shift, F5, "
                       "PgUp...; commands: as `:` in the cockpit\n# names them. [tui.keys.CONTEXT] for one view only: "
                       "list, session (after the prefix), copy, provision.\n#[tui.keys]\n#\"F5\" = "
                       "\"sandbox.start\"\n");
    config_release(&c);
}
