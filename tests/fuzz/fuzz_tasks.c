/* SPDX-License-Identifier: Apache-2.0 */
/* [tasks] as strangers write it: what is taken can be shown as it is, and run as it is shown. */
#include <stdint.h>
#include <string.h>

#include "core/engine/task_def.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Is it what a screen shows of it? */
static void check_plain(const char *text, const char *what)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, text, strlen(text), true);
    if (strcmp(clean.buf, text) != 0) {
        MT_BUG("%s cannot be shown", what);
    }
}

static void check_def(const struct task_def *d)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char name[TASK_NAME_MAX];
    task_def_describe(d, &text);
    check_plain(text.buf, "a definition");
    if (task_check_name(d->name, NULL) != 0 || task_check_command(d->command, NULL) != 0) {
        MT_BUG("a name or command that is refused elsewhere");
    }
    if (d->policy.ready_match[0] != '\0' && task_check_match(d->policy.ready_match, NULL) != 0) {
        MT_BUG("a pattern that is refused elsewhere");
    }
    task_name_of(d->command, name);
    if (task_check_name(name, NULL) != 0) {
        MT_BUG("a name that was made cannot be used: %s", name);
    }
    MT_CLEANUP(xfree) char *cwd = task_def_cwd(d, "/workspace");
    if (cwd[0] != '/') {
        MT_BUG("a folder that is none");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    char name[TASK_NAME_MAX];
    struct toml *t = toml_parse((const char *)data, size, "f.toml", &err);
    for (int origin = TASK_OF_USER; t != NULL && origin <= TASK_OF_PROJECT; origin++) {
        struct task_list list = TASK_LIST_INIT;
        task_defs_read(&list, t, (enum task_origin)origin, "f.toml");
        if (list.count > TASK_DEFS_MAX || list.warnings.len > (size_t)2 * TASK_WARNINGS_MAX) {
            MT_BUG("more than its bound");
        }
        for (size_t i = 0; i < list.count; i++) {
            check_def(&list.v[i]);
        }
        for (size_t i = 0; i < list.warnings.len; i++) {
            check_plain(list.warnings.v[i], "a warning");
        }
        task_list_release(&list);
    }
    toml_free(t);
    MT_CLEANUP(xfree) char *command = xstrndup((const char *)data, size);
    task_name_of(command, name);
    if (task_check_name(name, NULL) != 0) {
        MT_BUG("a name that was made cannot be used: %s", name);
    }
    return 0;
}
