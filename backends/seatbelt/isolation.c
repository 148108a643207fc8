/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/isolation.h"

#include <stdlib.h>
#include <string.h>

#include "backends/facts.h"
#include "backends/process/host.h"
#include "backends/seatbelt/box.h"
#include "core/util/fs.h"
#include "core/util/paths.h"

#define PROFILE_MAX (1u << 20)

/* Words of a list, comma separated. */
static void join(struct strbuf *out, const char *const *list)
{
    for (size_t i = 0; list[i]; i++) {
        strbuf_addf(out, "%s%s", i ? ", " : "", list[i]);
    }
}

/* The GPU tier that a profile's text has. */
static const char *gpu_of(const char *text, char out[32])
{
    const char *at = strstr(text, "\n; GPU: ");
    str_format(out, 32, "%.*s", at ? (int)strcspn(at + 8, "\n") : 4, at ? at + 8 : "none");
    return out;
}

/* Is the stored text what this configuration makes? Somebody may have written it anew. */
static void add_profile(struct facts *f, const char *dir, const struct state_config *c, const struct sandbox_info *info,
                        const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf expected = STRBUF_INIT;
    struct error why = ERROR_INIT;
    if (!host_confines()) {
        facts_add(f, ISOLATION_WEAKER, "profile", "enforced", "NOT ENFORCED: a test's stand-in runs for sandbox-exec");
    } else if (box_profile(dir, &c->spec, info->net, info->port, &expected, NULL, &why) < 0) {
        facts_add(f, ISOLATION_UNKNOWN, "profile", "deny by default", "%s", why.msg);
    } else if (strcmp(expected.buf, text) != 0) {
        facts_add(f, ISOLATION_WEAKER, "profile", "deny by default",
                  "the stored profile is not what the configuration makes: a mount changed, or somebody wrote it");
    } else {
        facts_add(f, ISOLATION_OK, "profile", "deny by default", "Seatbelt, deny by default, for every program (%s)",
                  BOX_PROFILE);
    }
}

static void add_network(struct facts *f, const struct sandbox_info *info, const struct sandbox_spec *wanted)
{
    char text[200], want[32] = "";
    if (wanted) {
        str_copy(want, sizeof(want), net_policy_name(wanted->net_after));
    }
    bool wider = wanted && net_policy_is_sealed(wanted->net_after) && !net_policy_is_sealed(info->net);
    str_format(text, sizeof(text), "%s%s%s", net_policy_name(info->net), info->net_detail[0] ? "; " : "",
               info->net_detail);
    facts_add(f, !wanted ? ISOLATION_INFO : wider ? ISOLATION_WEAKER : ISOLATION_OK, "network", want, "%s", text);
    facts_add(
        f, ISOLATION_INFO, "network stack", "", "the host's: 127.0.0.1 is shared with all sandboxes%s",
        info->net == NET_FULL
            ? "; services on this machine's other addresses can be reached, and by ::ffff:127.0.0.1 those of localhost"
            : "");
}

static void add_folders(struct facts *f, const char *dir, const struct state_config *c)
{
    facts_add(f, ISOLATION_OK, "private folders", "", "%s/{home,tmp%s} read-write", dir,
              box_image(&c->spec) ? ",root" : "");
    facts_add(f, ISOLATION_OK, "workspace", "", "%s read-write, at its own place", c->spec.workspace);
    for (size_t i = 0; i < c->spec.mount_count; i++) {
        const struct mount_spec *m = &c->spec.mounts[i];
        char name[40];
        str_format(name, sizeof(name), "mount %.30s", m->target);
        facts_add(f, ISOLATION_INFO, name, m->read_only ? "read-only" : "read-write", "%s %s, at its own place",
                  m->source, m->read_only ? "read-only" : "read-write");
    }
}

static void add_shell(struct facts *f)
{
    MT_CLEANUP(strbuf) struct strbuf folders = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf files = STRBUF_INIT;
    join(&folders, sbprofile_shell_folders);
    for (size_t i = 0; sbprofile_shell_files[i]; i++) {
        static const char ETC[] = "/private/etc/";
        const char *file = sbprofile_shell_files[i];
        if (strncmp(file, "/System/", 8) == 0) {
            continue; /* said above */
        }
        bool in_etc = strncmp(file, ETC, sizeof(ETC) - 1) == 0;
        strbuf_addf(&files, "%s%s", i ? ", " : "/private/etc: ", in_etc ? file + sizeof(ETC) - 1 : file);
    }
    facts_add(f, ISOLATION_INFO, "readable: system", "",
              "/usr/lib, /System/Library/{Frameworks,PrivateFrameworks,Extensions,ColorSync}, cryptexes, dyld's cache, "
              "macOS' version");
    facts_add(f, ISOLATION_INFO, "readable: for a shell", "", "%s; tools from elsewhere (Homebrew, Xcode) are mounts",
              folders.buf);
    facts_add(f, ISOLATION_INFO, "readable: files", "", "%s", files.buf);
}

static void add_unenforced(struct facts *f, const struct sandbox_info *info, const struct sandbox_spec *wanted)
{
    bool asked = wanted && (wanted->memory_bytes || wanted->pids || wanted->cpus > 0);
    facts_add(f, asked ? ISOLATION_WEAKER : ISOLATION_INFO, "limits", asked ? "by the kernel" : "", "%s", info->limits);
    facts_add(
        f, ISOLATION_INFO, "processes", "",
        "the host's numbers: not its own ones to see; signals reach its own sandbox only. What leaves its session "
        "and drops its environment between two looks outlives a stop, still confined");
    facts_add(f, ISOLATION_INFO, "POSIX IPC", "", "semaphores and shared memory are the host's, by name");
    facts_add(f, ISOLATION_INFO, "kernel", "", "the host's, without a machine or a name space of its own between");
}

int isolation_of_seat(struct backend_call *call, const char *dir, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct sandbox_info info;
    struct state_config config;
    struct facts facts = {0};
    char gpu[32], want[32] = "";
    if (!state_info(dir, &info)) {
        return error_set(err, ERROR_NOT_FOUND, "sandbox %s: no such sandbox", call->name);
    }
    if (info.state != SANDBOX_RUNNING) {
        return error_hint(err, ERROR_UNAVAILABLE, "start it first",
                          "sandbox %s: its isolation can be read only while it runs", call->name);
    }
    char *path = path_join(dir, BOX_PROFILE);
    int rc = fs_read(path, PROFILE_MAX, &text, err);
    free(path);
    if (rc < 0) {
        return -1;
    }
    state_config_load(dir, &config);
    add_profile(&facts, dir, &config, &info, text.buf);
    add_network(&facts, &info, call->spec);
    if (call->spec) {
        str_copy(want, sizeof(want), gpu_tier_name(call->spec->gpu));
    }
    gpu_of(text.buf, gpu);
    bool more = want[0] && strcmp(want, gpu) != 0 && strcmp(gpu, "none") != 0;
    facts_add(&facts, !want[0] ? ISOLATION_INFO : more ? ISOLATION_WEAKER : ISOLATION_OK, "GPU", want, "%s", gpu);
    add_folders(&facts, dir, &config);
    add_shell(&facts);
    add_unenforced(&facts, &info, call->spec);
    state_config_release(&config);
    call->facts = facts.v;
    call->fact_count = facts.len;
    return 0;
}
