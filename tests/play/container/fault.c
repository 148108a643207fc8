/* SPDX-License-Identifier: Apache-2.0 */
/* Faults to order. The file `faults` of the state folder, or CONTAINER_STANDIN_FAULTS with ';' between, one a line:
 *
 *     COMMAND SKIP ACTION [TEXT]
 *
 * COMMAND is the words of a command joined by '.' ("image.pull"), or '*'. SKIP calls pass first. A line of the file is
 * used up when it has fired, unless its action ends in '!'; those of the environment stay. Actions before the work:
 *   down        the service is down from now on (file `down`), and so for this call
 *   slow MS     takes so much longer
 *   hang        does nothing until it is killed; its process id is a line of the file `hung`
 *   error CODE TEXT   fails with this text in the version's style, exit 1
 *   exit N TEXT       says TEXT on stderr and exits with N
 *   full        the disk is full
 *   timeout     the service has not answered in time (XPC)
 *   kill        is killed by SIGKILL
 * and when the work is done and nothing of the answer is out:
 *   lost        the service goes down before it answers: the work is done, the caller does not know
 *   cut         half of the answer, exit 0
 *   die         half of the answer, then SIGKILL
 *   stuck       never ends
 * The file `calls` gets every command line, one JSON array a line. */
#include "tests/play/container/standin.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

static char *after; /* an action for the end */

/* The next word of *text, cut off; "" at the end. */
static char *next_word(char **text)
{
    char *p = *text + strspn(*text, " ");
    size_t n = strcspn(p, " ");
    *text = p[n] ? p + n + 1 : p + n;
    p[n] = '\0';
    return p;
}

/* Never goes on; who must end it finds it in the file `hung`. */
static MT_NORETURN void hang(void)
{
    char line[16], *file = in_root("hung");
    str_format(line, sizeof(line), "%d\n", (int)getpid());
    fs_append(file, line, strlen(line), 0600, NULL);
    free(file);
    for (;;) {
        pause();
    }
}

/* Does what a line orders; `rest` is its text. */
static void act(const char *path, const char *action, char *rest)
{
    static const char *const late[] = {"lost", "cut", "die", "stuck"};
    for (size_t i = 0; i < MT_ARRAY_LEN(late); i++) {
        if (strcmp(action, late[i]) == 0) {
            after = xstrdup(action);
            return;
        }
    }
    if (strcmp(action, "down") == 0) {
        char *file = in_root("down");
        fs_write_atomic(file, "", 0, 0600, NULL);
        free(file);
    } else if (strcmp(action, "slow") == 0) {
        sleep_ms(strtol(rest, NULL, 10));
    } else if (strcmp(action, "hang") == 0) {
        hang();
    } else if (strcmp(action, "error") == 0) {
        const char *code = next_word(&rest);
        fail(code, "%s", rest);
    } else if (strcmp(action, "exit") == 0) {
        int code = (int)strtol(next_word(&rest), NULL, 10);
        fprintf(stderr, "%s%s", rest, *rest ? "\n" : "");
        _exit(code);
    } else if (strcmp(action, "full") == 0) {
        fail("unknown", "The operation couldn\xe2\x80\x99t be completed. No space left on device");
    } else if (strcmp(action, "timeout") == 0) {
        fail("internalError", "XPC timeout for request to com.apple.container.apiserver/%s", path);
    } else if (strcmp(action, "kill") == 0) {
        raise(SIGKILL);
    } else {
        fprintf(stderr, "stand-in: no such fault: %s\n", action);
        _exit(99);
    }
}

/* Is the line for this command, and is it its turn? *left: the line as it stays, or NULL when it is used up. */
static bool line_fires(const char *path, const char *line, bool lasting, char **action, char **rest, char **left)
{
    char *copy = xstrdup(line), *p = copy;
    const char *command = next_word(&p);
    long skip = strtol(next_word(&p), NULL, 10);
    char *what = next_word(&p);
    bool fires = (strcmp(command, "*") == 0 || strcmp(command, path) == 0);
    size_t n = strlen(what);
    *left = xstrdup(line);
    if (!fires) {
        free(copy);
        return false;
    }
    if (skip > 0) {
        free(*left);
        *left = xasprintf("%s %ld %s%s%s", command, skip - 1, what, *p ? " " : "", p);
        free(copy);
        return false;
    }
    if (!lasting && !(n > 0 && what[n - 1] == '!')) {
        free(*left);
        *left = NULL;
    }
    if (n > 0 && what[n - 1] == '!') {
        what[n - 1] = '\0';
    }
    *action = xstrdup(what);
    *rest = xstrdup(p);
    free(copy);
    return true;
}

/* Goes through the lines of a list; those that stay are written into *kept. */
static void go_through(const char *path, char *list, const char *between, bool lasting, struct strbuf *kept,
                       struct strvec *fired)
{
    while (list && *list) {
        size_t n = strcspn(list, between);
        char *line = xstrndup(list, n), *action = NULL, *rest = NULL, *left = NULL;
        list += n + (list[n] ? 1 : 0);
        if (*line && line_fires(path, line, lasting, &action, &rest, &left)) {
            strvec_push(fired, action);
            strvec_push(fired, rest);
        }
        if (*line && left) {
            strbuf_addf(kept, "%s\n", left);
        }
        free(line);
        free(action);
        free(rest);
        free(left);
    }
}

/* The file `faults`, under the lock: lines that have fired are gone from it. */
static void from_file(const char *path, struct strvec *fired)
{
    struct strbuf text = STRBUF_INIT, kept = STRBUF_INIT;
    char *file = in_root("faults");
    if (!root_has("faults")) {
        free(file);
        return;
    }
    store_lock();
    if (fs_read(file, 65536, &text, NULL) == 0) {
        go_through(path, text.buf, "\n", false, &kept, fired);
        if (kept.len != text.len || memcmp(kept.buf, text.buf, kept.len) != 0) {
            fs_write_atomic(file, kept.buf, kept.len, 0600, NULL);
        }
    }
    store_unlock();
    strbuf_release(&text);
    strbuf_release(&kept);
    free(file);
}

/* One line of `calls`. */
static void note_call(char **argv, int argc)
{
    struct strbuf line = STRBUF_INIT;
    struct json *all = json_new_array();
    char *file = in_root("calls");
    for (int i = 1; i < argc; i++) {
        json_append_string(all, argv[i]);
    }
    json_write(all, false, &line);
    strbuf_addch(&line, '\n');
    fs_append(file, line.buf, line.len, 0600, NULL);
    json_free(all);
    strbuf_release(&line);
    free(file);
}

void fault_before(const char *path, char **argv, int argc)
{
    struct strvec fired = STRVEC_INIT;
    struct strbuf ignored = STRBUF_INIT;
    const char *env = getenv("CONTAINER_STANDIN_FAULTS");
    char *joined = xstrdup(path), *list = xstrdup_null(env);
    for (char *p = joined; *p; p++) {
        *p = *p == ' ' ? '.' : *p;
    }
    go_through(joined, list, ";", true, &ignored, &fired);
    from_file(joined, &fired);
    note_call(argv, argc); /* only now: whoever sees the call may kill it, and its fault is used up */
    for (size_t i = 0; i + 1 < fired.len; i += 2) {
        act(joined, fired.v[i], fired.v[i + 1]);
    }
    strvec_release(&fired);
    strbuf_release(&ignored);
    free(joined);
    free(list);
}

void fault_after(void)
{
    const char *what = after ? after : "";
    if (strcmp(what, "lost") == 0) {
        char *file = in_root("down");
        fs_write_atomic(file, "", 0, 0600, NULL);
        strbuf_clear(&st.out);
        fail_service("Connection interrupted");
    }
    if (strcmp(what, "stuck") == 0) {
        hang();
    }
    if (strcmp(what, "cut") == 0 || strcmp(what, "die") == 0) {
        strbuf_truncate(&st.out, st.out.len / 2);
    }
    if (strcmp(what, "die") == 0) {
        if (write(STDOUT_FILENO, st.out.buf, st.out.len) >= 0) {
            raise(SIGKILL);
        }
        raise(SIGKILL);
    }
}
