/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/pidwatch.h"
#include "core/io/procinfo.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* STATE/ops/<sandbox>.json. Caller frees. */
static char *file_of(const struct paths *paths, const char *sandbox)
{
    return xasprintf("%s/ops/%s.json", paths->state, sandbox);
}

bool journal_owner_alive(int pid, uint64_t pid_start)
{
    if (pid_has_ended(pid)) {
        return false;
    }
    uint64_t start = procinfo_start(pid);
    return start == 0 || pid_start == 0 || start == pid_start;
}

int journal_write(const struct paths *paths, const struct journal_entry *entry, struct error *err)
{
    MT_CLEANUP(xfree) char *path = file_of(paths, entry->sandbox), *dir = path_join(paths->state, "ops");
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct json *j = json_new_object();
    json_set_int(j, "pid", getpid());
    json_set_int(j, "pid_start", (int64_t)procinfo_start(getpid()));
    json_set_string(j, "sandbox", entry->sandbox);
    json_set_string(j, "plan", entry->plan);
    json_set_string(j, "profile", entry->profile);
    json_set_string(j, "net", entry->net_given ? net_policy_name(entry->net) : NULL);
    json_set_bool(j, "recreate", entry->recreate);
    json_set_bool(j, "reprovision", entry->reprovision);
    json_set_bool(j, "as_is", entry->as_is);
    json_set_bool(j, "force", entry->force);
    json_set_bool(j, "no_provision", entry->no_provision);
    json_write(j, true, &text);
    json_free(j);
    return fs_mkdirs(dir, 0700, err) < 0 ? -1 : fs_write_atomic(path, text.buf, text.len, 0600, err);
}

void journal_remove(const struct paths *paths, const char *sandbox)
{
    MT_CLEANUP(xfree) char *path = file_of(paths, sandbox);
    if (unlink(path) != 0 && errno != ENOENT) {
        log_warn("%s: %s", path, strerror(errno));
    }
}

/* Reads one entry; false when it is not there, or broken: then it is set aside. */
static bool read_entry(const char *path, struct journal_entry *e)
{
    struct error err = ERROR_INIT;
    struct json *j = json_load(path, 64u << 10, &err);
    memset(e, 0, sizeof(*e));
    if (!json_is_object(j)) {
        json_free(j);
        if (err.sys != ENOENT) { /* else its op has ended meanwhile */
            log_warn("op journal %s cannot be read: %s", path, err.code != ERROR_NONE ? err.msg : "not an object");
            fs_set_aside(path, NULL, NULL);
        }
        return false;
    }
    const char *net = json_get_string(j, "net", NULL);
    e->pid = (int)json_get_int(j, "pid", 0);
    e->pid_start = (uint64_t)json_get_int(j, "pid_start", 0);
    str_copy(e->sandbox, sizeof(e->sandbox), json_get_string(j, "sandbox", ""));
    str_copy(e->plan, sizeof(e->plan), json_get_string(j, "plan", ""));
    str_copy(e->profile, sizeof(e->profile), json_get_string(j, "profile", ""));
    e->net_given = net != NULL && net_policy_parse(net, &e->net, NULL) == 0;
    e->recreate = json_get_bool(j, "recreate", false);
    e->reprovision = json_get_bool(j, "reprovision", false);
    e->as_is = json_get_bool(j, "as_is", false);
    e->force = json_get_bool(j, "force", false);
    e->no_provision = json_get_bool(j, "no_provision", false);
    json_free(j);
    e->alive = journal_owner_alive(e->pid, e->pid_start);
    if (e->sandbox[0] == '\0' || e->plan[0] == '\0') {
        log_warn("op journal %s says nothing", path);
        fs_set_aside(path, NULL, NULL);
        return false;
    }
    return true;
}

bool journal_read(const struct paths *paths, const char *sandbox, struct journal_entry *out)
{
    MT_CLEANUP(xfree) char *path = file_of(paths, sandbox);
    return read_entry(path, out);
}

size_t journal_list(const struct paths *paths, struct journal_entry **out)
{
    MT_CLEANUP(xfree) char *dir = path_join(paths->state, "ops");
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    struct error ignored = ERROR_INIT;
    fs_list(dir, &names, &ignored);
    struct journal_entry *list = xcalloc(names.len + 1, sizeof(*list));
    size_t n = 0;
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *path = path_join(dir, names.v[i]);
        size_t len = strlen(names.v[i]);
        if (len < 5 || strcmp(names.v[i] + len - 5, ".json") != 0) {
            continue;
        }
        n += read_entry(path, &list[n]);
    }
    *out = list;
    return n;
}

size_t journal_dead(const struct paths *paths, struct journal_entry **out)
{
    size_t n = journal_list(paths, out), dead = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(*out)[i].alive) {
            (*out)[dead++] = (*out)[i];
        }
    }
    return dead;
}
