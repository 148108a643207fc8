/* SPDX-License-Identifier: Apache-2.0 */
/* Podman of other machines, with the real program: a real `podman system service` reached over a real sshd on the
 * loopback, and over its socket. The "other machine" is this one under another name; what differs is the way. */
#include "tests/backends/podman_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/portable.h"

static pid_t service, sshd;
static char *socket_path, *far_root;

static void write_file(const char *path, const char *text, mode_t mode)
{
    struct error err = ERROR_INIT;
    if (fs_write_atomic(path, text, strlen(text), mode, &err) < 0) {
        fail_msg("%s", err.msg);
    }
}

/* Starts a program that stays, without a word. */
static pid_t start(const char *const *argv)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    return pid;
}

static void stop(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGTERM);
        waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

static bool socket_answers(const void *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = self_socket(AF_UNIX, SOCK_STREAM, false);
    str_copy(addr.sun_path, sizeof(addr.sun_path), path);
    bool up = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
    close(fd);
    return up;
}

static void start_service(void)
{
    MT_CLEANUP(xfree) char *url = xasprintf("unix://%s", socket_path);
    service = start((const char *const[]){pod.podman, "system", "service", "--time=0", url, NULL});
    assert_true(pod_until(socket_answers, socket_path, 20000));
}

static bool sshd_answers(const void *line)
{
    struct pod_ran r = POD_RAN_INIT;
    int code = pod_run_argv(&r, (const char *const[]){"sh", "-c", line, NULL}, 5000);
    pod_ran_release(&r);
    return code == 0;
}

/* An sshd with keys and configuration of this test's own; `ssh` in PATH is one that knows them. */
static void start_sshd(void)
{
    struct pod_ran r = POD_RAN_INIT;
    int port = pod.port_base + 7;
    MT_CLEANUP(xfree)
    char *keys = xasprintf("mkdir -p /run/sshd && cd %s && ssh-keygen -q -t ed25519 -N '' -f hostkey && ssh-keygen -q "
                           "-t ed25519 -N '' -f id",
                           pod.base);
    assert_int_equal(pod_run_argv(&r, (const char *const[]){"sh", "-c", keys, NULL}, 20000), 0);
    pod_ran_release(&r);
    MT_CLEANUP(xfree)
    char *config = xasprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/hostkey\nAuthorizedKeysFile %s/id.pub\n"
                             "StrictModes no\nPidFile none\nUsePAM no\nPermitRootLogin yes\nLogLevel ERROR\n",
                             port, pod.base, pod.base);
    MT_CLEANUP(xfree) char *config_path = path_join(pod.base, "sshd_config");
    write_file(config_path, config, 0600);
    sshd = start((const char *const[]){"/usr/sbin/sshd", "-D", "-e", "-f", config_path, NULL});
    MT_CLEANUP(xfree)
    char *scan = xasprintf("ssh-keyscan -T 2 -p %d -t ed25519 127.0.0.1 >%s/known 2>/dev/null && test -s %s/known",
                           port, pod.base, pod.base);
    assert_true(pod_until(sshd_answers, scan, 20000));
    MT_CLEANUP(xfree)
    char *client = xasprintf("Host farhost\n HostName 127.0.0.1\n Port %d\n User root\n IdentityFile %s/id\n "
                             "IdentitiesOnly yes\n UserKnownHostsFile %s/known\n",
                             port, pod.base, pod.base);
    MT_CLEANUP(xfree) char *client_path = path_join(pod.base, "ssh_config");
    write_file(client_path, client, 0600);
    MT_CLEANUP(xfree)
    char *shim = xasprintf(
        "#!/bin/sh\n# The real ssh, with this test's configuration.\nexec /usr/bin/ssh -F %s \"$@\"\n", client_path);
    pod_stand_in("ssh", shim);
}

static int setup(void **state)
{
    (void)state;
    if (pod_open() < 0) {
        return -1;
    }
    socket_path = path_join(pod.base, "far.sock");
    far_root = path_join(pod.base, "far-src");
    MT_CLEANUP(xfree) char *here = path_join(pod.home, "src/api");
    MT_CLEANUP(xfree) char *there = path_join(far_root, "api"), *other = path_join(far_root, "only there");
    fs_mkdirs(here, 0755, NULL);
    fs_mkdirs(there, 0755, NULL);
    fs_mkdirs(other, 0755, NULL);
    free(other);
    other = NULL;
    start_service();
    start_sshd();
    MT_CLEANUP(xfree)
    char *config = xasprintf("[[hosts]]\nname = \"far\"\nurl = \"ssh://farhost%s\"\nworkspace_root = \"%s\"\n\n"
                             "[[hosts]]\nname = \"gone\"\nurl = \"unix://%s/nobody.sock\"\n",
                             socket_path, far_root, pod.base);
    MT_CLEANUP(xfree) char *dir = path_join(getenv("XDG_CONFIG_HOME"), "muthr");
    MT_CLEANUP(xfree) char *path = path_join(dir, "muthr.toml");
    fs_mkdirs(dir, 0755, NULL);
    write_file(path, config, 0644);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct pod_ran r = POD_RAN_INIT;
    const char leave[] = "for c in \"$XDG_RUNTIME_DIR\"/muthr/hosts/*.ctl; do [ -S \"$c\" ] && ssh -S \"$c\" -O exit "
                         "farhost; done; true";
    pod_run_argv(&r, (const char *const[]){"sh", "-c", leave, NULL}, 10000); /* the connection is nobody's child */
    pod_ran_release(&r);
    stop(&sshd);
    stop(&service);
    free(socket_path);
    free(far_root);
    return pod_close();
}

/* Runs the program; its exit code. */
#define muthr(r, ...) pod_run_argv((r), (const char *const[]){pod.program, __VA_ARGS__, NULL}, 120000)

/* The row of `ls --all --output json` with that name, or NULL. */
static const struct json *row_of(struct pod_ran *r, struct json **doc, const char *name)
{
    struct error err = ERROR_INIT;
    muthr(r, "ls", "--all", "--output", "json");
    *doc = json_parse(r->out.buf, r->out.len, &err);
    const struct json *list = json_is_array(*doc) ? *doc : NULL;
    for (const struct json *row = json_first(list); row; row = json_next(row)) {
        if (strcmp(json_get_string(row, "name", ""), name) == 0) {
            return row;
        }
    }
    return NULL;
}

static void test_listed_and_worked_in(void **state)
{
    (void)state;
    struct pod_ran r = POD_RAN_INIT;
    struct json *doc;
    /* Who names a host has it waited for; the first connection may take longer than a list waits. */
    assert_int_equal(muthr(&r, "stop", "api@far"), 0);
    const struct json *row = row_of(&r, &doc, "muthr-api@far");
    assert_non_null(row);
    assert_string_equal(json_get_string(row, "host", ""), "far");
    assert_string_equal(json_get_string(row, "status", ""), "none");
    json_free(doc);
    assert_non_null(strstr(r.err.buf, "gone: ")); /* the one that is not there is said, and holds nothing up */
    if (muthr(&r, "start", "api@far", "--image", POD_MINI) != 0) {
        fail_msg("%s", r.err.buf);
    }
    assert_true(pod_is("muthr-api", "running"));
    MT_CLEANUP(xfree)
    char *source = pod_text("inspect", "--format", "{{range .Mounts}}{{.Source}} {{end}}", "muthr-api");
    assert_non_null(strstr(source, far_root));
    row = row_of(&r, &doc, "muthr-api@far");
    assert_string_equal(json_get_string(row, "status", ""), "running");
    assert_string_equal(json_get_string(row, "image", ""), POD_MINI);
    json_free(doc);
    assert_int_equal(muthr(&r, "stop", "api@far"), 0);
    assert_false(pod_is("muthr-api", "running"));
    assert_int_equal(muthr(&r, "start", "api@far"), 0);
    assert_true(pod_is("muthr-api", "running"));
    assert_int_equal(muthr(&r, "delete", "--yes", "api@far"), 0);
    MT_CLEANUP(xfree) char *left = pod_state("muthr-api");
    assert_string_equal(left, "");
    MT_CLEANUP(xfree) char *folder = path_join(far_root, "api");
    assert_true(fs_is_dir(folder));
    pod_ran_release(&r);
}

/* The link is cut, then the service is: the first is mended without a word, the second is said. */
static void test_link_and_service_lost(void **state)
{
    (void)state;
    struct pod_ran r = POD_RAN_INIT;
    struct json *doc;
    const char cut[] = "ssh -S \"$XDG_RUNTIME_DIR/muthr/hosts/far.ctl\" -O exit farhost";
    assert_int_equal(pod_run_argv(&r, (const char *const[]){"sh", "-c", cut, NULL}, 10000), 0);
    assert_int_equal(muthr(&r, "stop", "api@far"), 0);
    assert_non_null(row_of(&r, &doc, "muthr-api@far"));
    json_free(doc);
    stop(&service);
    (void)unlink(socket_path);
    row_of(&r, &doc, "muthr-api");
    json_free(doc);
    assert_non_null(strstr(r.err.buf, "far: "));
    assert_int_equal(muthr(&r, "start", "api@far", "--image", POD_MINI), 69);
    assert_non_null(strstr(r.err.buf, "the host far cannot be used: "));
    start_service();
    if (muthr(&r, "start", "api@far", "--image", POD_MINI) != 0) {
        fail_msg("%s", r.err.buf);
    }
    if (muthr(&r, "delete", "--yes", "api@far") != 0) {
        fail_msg("%s", r.err.buf);
    }
    pod_ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listed_and_worked_in),
        cmocka_unit_test(test_link_and_service_lost),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

int main(void)
{
    return pod_main(run);
}
