/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/config_table.h"

#include "core/util/strbuf.h"

/* Sizes like "2G". */
static int check_size(const char *value, struct error *err)
{
    uint64_t bytes;
    return config_parse_size(value, &bytes, err);
}

#define AT(field) offsetof(struct config, field)

const struct config_option CONFIG_OPTIONS[] = {
    {"", "workspace_root", CONFIG_STRING, AT(workspace_root), "~/src", .env = "MUTHR_WORKSPACE_ROOT",
     .help = "folder whose children are the projects"},
    {"", "container_host_gateway", CONFIG_STRING, AT(container_host_gateway), "", .env = "MUTHR_CONTAINER_HOST_GATEWAY",
     .help = "address of this host as sandboxes see it; empty: found out"},
    {"", "server_port", CONFIG_INT, AT(server_port), "8080", .min = 1, .max = 65535, .env = "MUTHR_SERVER_PORT",
     .help = "port of the inference server on 127.0.0.1"},
    {"", "server_key_file", CONFIG_STRING, AT(server_key_file), "", .env = "MUTHR_SERVER_KEY_FILE",
     .help = "file (of mode 0600) with the inference server's API key, unless MUTHR_SERVER_KEY holds it; empty: none"},
    {"", "server_host", CONFIG_STRING, AT(server_host), "127.0.0.1", .env = "MUTHR_SERVER_HOST",
     .help = "where `muthr-tui engine start` lets the inference server listen"},
    {"", "model", CONFIG_STRING, AT(model), "",
     .help = "model name for provisioning while the inference server is silent"},
    {"sandbox", "backend", CONFIG_STRING, AT(backend), "auto",
     .help = "what runs new sandboxes: auto or the name of a backend"},
    {"sandbox", "profile", CONFIG_STRING, AT(profile), "base", .help = "profile of new sandboxes"},
    {"sandbox", "network", CONFIG_STRING, AT(network), "", .choices = "|none|restricted|model|full|host|shared",
     .help = "network of sandboxes: empty (as the profile says), none, model (only the inference server), full, or "
             "shared (the host's own: no isolation)"},
    {"sandbox", "stop_timeout", CONFIG_INT, AT(stop_timeout_s), "30", .min = 0, .max = 3600,
     .help = "seconds between the polite stop and the kill"},
    {"sandbox", "idle_stop_minutes", CONFIG_INT, AT(idle_stop_minutes), "30", .min = 0, .max = 100000,
     .help = "the cockpit stops a sandbox after so many minutes in which nobody used it; 0: never"},
    {"sandbox", "require_resource_limits", CONFIG_BOOL, AT(require_resource_limits), "false",
     .help = "refuse to start where limits cannot be enforced"},
    {"sandbox", "cpus", CONFIG_FLOAT, AT(cpus), "0", .min = 0, .max = 4096,
     .help = "processors a sandbox may use; 0: no limit"},
    {"sandbox", "memory", CONFIG_STRING, AT(memory), "", .check = check_size,
     .help = "memory a sandbox may use, like 2G; empty: no limit"},
    {"sandbox", "pids", CONFIG_INT, AT(pids), "512", .min = 16, .max = 4194304, .help = "processes a sandbox may have"},
    {"sandbox", "allow_untrusted_image", CONFIG_BOOL, AT(allow_untrusted_image), "false",
     .help = "use the image that a repository's devcontainer.json names, without asking"},
    {"sandbox", "allow_post_create", CONFIG_BOOL, AT(allow_post_create), "false",
     .help = "run the set-up command of a repository's devcontainer.json in its sandbox, without asking"},
    {"sandbox", "allow_gpu", CONFIG_BOOL, AT(allow_gpu), "false",
     .help = "let profiles with the key gpu use this machine's GPU (macOS process sandboxes)"},
    {"sandbox", "parallel_ops", CONFIG_INT, AT(parallel_ops), "4", .min = 1, .max = 64,
     .help = "sandboxes that are worked on at the same time"},
    {"services", "address", CONFIG_STRING, AT(services_address), "127.0.0.1",
     .help = "address on which the ports of muthr-services and muthr-searxng are published; containers reach only "
             "0.0.0.0, which everybody who reaches this machine does too"},
    {"services", "services_image", CONFIG_STRING, AT(services_image), "",
     .help = "image of muthr-services; empty: that of sandboxes"},
    {"services", "searxng_image", CONFIG_STRING, AT(searxng_image), "docker.io/searxng/searxng",
     .help = "image of muthr-searxng"},
    {"tui", "backends", CONFIG_STRING, AT(backends), "", .env = "MUTHR_TUI_BACKENDS",
     .help = "names of the backends of this machine that are looked at at all, the preferred one first; empty: those "
             "that are usual here"},
    {"tui", "theme", CONFIG_STRING, AT(theme), "default",
     .help =
         "colours: default, light, high-contrast, mono, solarized, gruvbox, nord, catppuccin, or a file in themes/"},
    {"tui", "prefix", CONFIG_STRING, AT(prefix), "C-]", .help = "key that leads from a session back to the cockpit"},
    {"tui", "ascii", CONFIG_BOOL, AT(ascii), "false",
     .help = "everything in ASCII, also what programs show: for terminals without UTF-8"},
    {"tui", "mouse", CONFIG_BOOL, AT(mouse), "true", .help = "use the mouse"},
    {"tui", "alt_digits", CONFIG_BOOL, AT(alt_digits), "true",
     .help = "Alt-1 to Alt-9 jump between sessions, Alt-0 lists them"},
    {"tui", "confirm_quit", CONFIG_BOOL, AT(confirm_quit), "false", .help = "ask before leaving the cockpit"},
    {"tui", "list_width", CONFIG_INT, AT(list_width), "0", .min = 0, .max = 200,
     .help = "columns of the docked list; 0: 34, more on a wide screen"},
    {"tui", "scrollback_lines", CONFIG_INT, AT(scrollback_lines), "10000", .min = 0, .max = 10000000,
     .help = "lines of scrollback per session"},
    {"tui", "scrollback_mb", CONFIG_INT, AT(scrollback_mb), "16", .min = 1, .max = 4096,
     .help = "megabytes of scrollback per session at most"},
    {"tui", "log", CONFIG_STRING, AT(log), "", .help = "log file; empty: muthr-tui.log in the state folder"},
    {"tui", "clipboard", CONFIG_STRING, AT(clipboard), "ask", .choices = "off|ask|on",
     .help = "whether programs may write the clipboard (OSC 52)"},
    {"tui", "audit", CONFIG_BOOL, AT(audit), "false",
     .help = "write sessions and commands down in audit.ndjson in the state folder"},
    {"tui", "undo_seconds", CONFIG_INT, AT(undo_seconds), "8", .min = 0, .max = 600,
     .help = "seconds in which u takes a delete back; 0: none"},
    {"attention", "bell", CONFIG_BOOL, AT(attention_bell), "true",
     .help = "ring the outer terminal when a session that is not looked at needs you"},
    {"attention", "notify", CONFIG_STRING, AT(attention_notify), "off", .choices = "off|osc9|osc777|osc99",
     .help = "send it a notification too: osc9 (iTerm2, Windows Terminal), osc777 (foot, VTE), osc99 (kitty)"},
};

const size_t CONFIG_OPTION_COUNT = MT_ARRAY_LEN(CONFIG_OPTIONS);
_Static_assert(MT_ARRAY_LEN(CONFIG_OPTIONS) <= CONFIG_OPTIONS_MAX, "struct config has too few origins");

void config_option_name(const struct config_option *o, char out[64])
{
    str_format(out, 64, "%s%s%s", o->table, o->table[0] != '\0' ? "." : "", o->key);
}

void *config_field(const struct config *c, const struct config_option *o)
{
    return (char *)(uintptr_t)c + o->offset;
}
