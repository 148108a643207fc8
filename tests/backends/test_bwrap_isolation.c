/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/bwrap_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* What a program inside can see and do. Each probe is an abuse that must not work; the script says so in its own words.
 */

#define BOX "muthr-box"

static int loopback_fd = -1, abstract_fd = -1, loopback_port;
static char abstract_name[64];

static int listen_on_host(void)
{
    struct sockaddr_in sin = {.sin_family = AF_INET};
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(sin);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    loopback_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    abstract_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    str_format(abstract_name, sizeof(abstract_name), "muthr-test-%d", (int)getpid());
    memcpy(sun.sun_path + 1, abstract_name, strlen(abstract_name));
    if (bind(loopback_fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(loopback_fd, 8) < 0 ||
        getsockname(loopback_fd, (struct sockaddr *)&sin, &len) < 0 ||
        bind(abstract_fd, (struct sockaddr *)&sun,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(abstract_name))) < 0) {
        return -1;
    }
    loopback_port = ntohs(sin.sin_port);
    return listen(abstract_fd, 8);
}

static int setup(void **state)
{
    if (fixture_setup(state) < 0 || listen_on_host() < 0) {
        return -1;
    }
    sandbox_up(BOX, NET_NONE, 200u << 20, 64);
    return 0;
}

static int teardown(void **state)
{
    close(loopback_fd);
    close(abstract_fd);
    return fixture_teardown(state);
}

/* Runs a script that must print exactly this. */
static void expect(const char *script, const char *output)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    sandbox_sh(BOX, &out, script);
    assert_string_equal(out.buf, output);
}

/* Runs a Python program that must print exactly this. */
static void expect_python(const char *program, const char *output)
{
    char *script = xasprintf("python3 - <<'EOF' 2>&1\n%s\nEOF", program);
    expect(script, output);
    free(script);
}

static void test_files(void **state)
{
    (void)state;
    char *script =
        xasprintf("cat %s/.ssh/id_canary 2>/dev/null; ls /home; ls -d /root /work /mnt /srv /boot /sys 2>/dev/null; "
                  "ls /tmp; ls /run; cat /etc/shadow 2>/dev/null; cut -d: -f1 /etc/passwd | sort | tr '\\n' ' '",
                  fx.paths.home);
    expect(script, "muthr\nmuthr\nmuthr nobody root \n");
    free(script);
    expect(
        "for f in /usr/x /etc/x /x /run/x /var/x /dev/x /home/x /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do "
        "(echo x > $f) 2>/dev/null && echo wrote $f; done; echo end",
        "end\n");
    expect("echo x > ~/ok && echo x > /workspace/ok && echo x > /tmp/ok && cat ~/ok /workspace/ok /tmp/ok; rm "
           "/workspace/ok",
           "x\nx\nx\n");
    /* A link out of the workspace leads nowhere. */
    char *link_script = xasprintf("ln -s %s/.ssh/id_canary l; cat l 2>/dev/null || echo nothing; rm l", fx.paths.home);
    expect(link_script, "nothing\n");
    free(link_script);
    expect("for f in kallsyms kcore keys timer_list config.gz; do head -c 10 /proc/$f 2>/dev/null; done; echo end",
           "end\n");
    expect("umask; pwd; id -un; echo $HOME", "0022\n/workspace\nmuthr\n/home/muthr\n");
}

static void test_environment(void **state)
{
    (void)state;
    expect("env | grep -c canary; env | cut -d= -f1 | grep -E '^(MT_|XDG_|SSH_|AWS_|MUTHR_ENTER)'; cat /proc/1/environ "
           "2>/dev/null; echo end",
           "0\nend\n");
    expect("test \"$PORT\" = \"$MUTHR_PORT\" && test \"$PORT\" -gt 0 && echo $USER $SHELL $LANG",
           "muthr /bin/bash C.UTF-8\n");
}

static void test_processes(void **state)
{
    (void)state;
    expect("ls /proc | grep -c '^[0-9]' | (read n; test $n -lt 8 && echo few)", "few\n");
    expect("cat /proc/1/comm; for f in exe root/ cwd/ environ mem fd/0 fd/9 fd/12; do "
           "(cat /proc/1/$f || (test -d /proc/1/$f && ls /proc/1/$f) || readlink /proc/1/$f) >/dev/null 2>&1 && echo "
           "open $f; done; echo end",
           "muthr-init\nend\n");
    expect("kill -TERM 1; kill -KILL 1; sleep 0.1; echo alive", "alive\n");
    expect("sh -c 'sh -c \"exit 3\" & exec sh -c \"sleep 0.05\"'; sleep 0.2; grep -l '^State:.Z' /proc/[0-9]*/status "
           "2>/dev/null | wc -l",
           "0\n");
}

static void test_privileges(void **state)
{
    (void)state;
    expect("grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t' | tr '\\n' ' '",
           "CapInh:0000000000000000 CapPrm:0000000000000000 CapEff:0000000000000000 CapBnd:0000000000000000 "
           "CapAmb:0000000000000000 NoNewPrivs:1 Seccomp:2 \n");
    expect("unshare -U true 2>/dev/null && echo userns; unshare -m true 2>/dev/null && echo mountns; "
           "bwrap --ro-bind / / true 2>/dev/null && echo bwrap; mknod /tmp/n c 1 3 2>/dev/null && echo mknod; "
           "mount -t tmpfs t /tmp 2>/dev/null && echo mount; chroot / true 2>/dev/null && echo chroot; "
           "hostname x 2>/dev/null && echo hostname; echo end",
           "end\n");
    /* A setuid program stays what its caller is. */
    expect_python("import subprocess,os\n"
                  "p=subprocess.Popen(['/usr/bin/"
                  "su'],stdin=subprocess.PIPE,stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\n"
                  "u=[l for l in open('/proc/%d/status'%p.pid) if l.startswith('Uid')][0].split()[1:]\n"
                  "p.stdin.close(); p.wait()\n"
                  "print(set(u)=={str(os.getuid())})",
                  "True\n");
}

static void test_system_calls(void **state)
{
    (void)state;
    expect_python(
        "import ctypes,os,errno\n"
        "c=ctypes.CDLL(None,use_errno=True)\n"
        "def s(*a):\n"
        "    ctypes.set_errno(0); c.syscall(*a); return errno.errorcode.get(ctypes.get_errno(),'ok')\n"
        "import platform\n"
        "x=platform.machine()=='x86_64'\n"
        "print(s(425,8,0), s(435,0,0), s(428,-1,b'/',0), s(457,0,0,0,0))\n"
        "print(s(250 if x else 219,0,-1,0,0,0), s(321 if x else 280,0,0,0), s(272 if x else 97,0x10000000))\n"
        "print(s(56 if x else 220,0x10000000|17,0,0,0,0))\n"
        "print(s(438,0,0,0))\n"
        "n=135 if x else 92\n"
        "print(*[s(n,v) for v in (0xffffffff,0x40000,0x20000,0,8,0x400000,0x440000,0x80000000,0xfffbffff,0x7fffffff)])",
        "ENOSYS ENOSYS ENOSYS ENOSYS\nEPERM EPERM EPERM\nEPERM\nEPERM\n"
        "ok ok ok ok EPERM EPERM EPERM EPERM EPERM EPERM\n");
    expect_python(
        "import pty,fcntl,os\n"
        "m,s=pty.openpty()\n"
        "for r in (0x5412,0x5412|1<<32):\n"
        "    try:\n"
        "        import ctypes; c=ctypes.CDLL(None,use_errno=True)\n"
        "        b=ctypes.c_char(b'x'); r=c.ioctl(s,ctypes.c_ulong(r),ctypes.byref(b)); print(r,ctypes.get_errno())\n"
        "    except OSError as e: print(e.errno)",
        "-1 1\n-1 1\n");
    expect_python("import socket\n"
                  "for f,t,p in ((40,1,0),(16,3,9),(16,3,12),(17,3,0),(2,3,1),(38,5,0)):\n"
                  "    try: socket.socket(f,t,p); print('open',f)\n"
                  "    except OSError: pass\n"
                  "socket.socket(16,3,0); socket.socket(2,1); socket.socket(10,2); socket.socketpair()\n"
                  "print('end')",
                  "end\n");
}

/* Connecting to the host's loopback and abstract sockets. */
static void expect_no_host(void)
{
    char *program = xasprintf("import socket\n"
                              "for a in ('127.0.0.1','10.0.2.2','::1'):\n"
                              "    s=socket.socket(10 if ':' in a else 2,1); s.settimeout(2)\n"
                              "    try: s.connect((a,%d))\n"
                              "    except OSError: pass\n"
                              "s=socket.socket(1,1)\n"
                              "try: s.connect('\\0%s')\n"
                              "except OSError: pass\n"
                              "print('end')",
                              loopback_port, abstract_name);
    expect_python(program, "end\n");
    free(program);
    /* Who answers at 10.0.2.2 beyond this machine is none of our business: nobody may have come to these two. */
    struct pollfd listening[] = {{.fd = loopback_fd, .events = POLLIN}, {.fd = abstract_fd, .events = POLLIN}};
    assert_int_equal(poll(listening, 2, 0), 0);
}

static void test_network_none(void **state)
{
    (void)state;
    expect("ls /proc/sys/net/ipv4/conf | grep -v -e all -e default; grep -c . /proc/net/route", "lo\n1\n");
    expect_no_host();
    expect_python("import socket\ns=socket.socket(); s.settimeout(2)\n"
                  "try: s.connect(('192.0.2.1',80)); print('out')\nexcept OSError: print('end')",
                  "end\n");
}

static void test_fork_bomb(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    sandbox_sh(BOX, &out,
               "python3 - <<'EOF'\nimport os,signal,time\npids=[]\n"
               "try:\n    while len(pids)<500:\n        p=os.fork()\n        if p==0: time.sleep(60); os._exit(0)\n    "
               "    pids.append(p)\n"
               "except OSError: pass\nprint(len(pids))\nfor p in pids: os.kill(p,9)\nEOF");
    long forked = strtol(out.buf, NULL, 10);
    assert_true(forked > 20 && forked < 70);
    assert_int_equal(sandbox_sh(BOX, NULL, "true"), 0); /* and it lives */
}

static bool has_reason(void *arg)
{
    (void)arg;
    return strstr(sandbox_inspect(BOX).reason, "memory limit 200 MiB") != NULL;
}

static void test_memory_hog(void **state)
{
    (void)state;
    /* 5 MiB every 5 ms: a gigabyte a second. */
    int code = sandbox_sh(
        BOX, NULL,
        "exec python3 -c 'import time\nx=[]\nfor i in range(400): x.append(b\"x\"*(5<<20)); time.sleep(0.005)'");
    assert_int_equal(code, 137);
    assert_true(wait_for(has_reason, NULL, 5000));
    assert_int_equal(sandbox_inspect(BOX).state, SANDBOX_RUNNING);
    assert_int_equal(sandbox_sh(BOX, NULL, "true"), 0);
    print_message("limits in force: %s\n", sandbox_inspect(BOX).limits);
}

/* Memory that is in nobody's resident set counts as well: descriptors that are not mapped, beside memory shared without
 * a name; and /dev/shm, which takes half of the limit at the most. */
static void test_memory_elsewhere(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    assert_int_equal(sandbox_sh(BOX, NULL,
                                "exec python3 -c 'import os,time\nf=os.memfd_create(\"x\")\n"
                                "for i in range(60): os.write(f,b\"x\"*(5<<20)); time.sleep(0.01)\ntime.sleep(20)'"),
                     137);
    assert_int_equal(sandbox_sh(BOX, NULL,
                                "exec python3 -c 'import os,mmap,time\nf=os.memfd_create(\"x\"); p=b\"x\"*(1<<20)\n"
                                "for i in range(130): os.write(f,p)\nm=mmap.mmap(-1,130<<20)\n"
                                "for i in range(130): m.write(p)\ntime.sleep(20)'"),
                     137);
    sandbox_sh(BOX, &out,
               "dd if=/dev/zero of=/dev/shm/x bs=1M count=150 2>&1 | grep -o 'No space left'; stat -c %s /dev/shm/x");
    assert_string_equal(out.buf, "No space left\n104857600\n");
    assert_int_equal(sandbox_sh(BOX, NULL, "exec python3 -c 'import time\nx=b\"x\"*(140<<20); time.sleep(20)'"), 137);
    assert_true(wait_for(has_reason, NULL, 5000));
    assert_int_equal(sandbox_sh(BOX, NULL, "rm /dev/shm/x"), 0);
}

/* What three have mapped and open is there once. (The second is time for the watchdog to look more than once.) */
static void test_shared_memory_counts_once(void **state)
{
    (void)state;
    expect_python("import os,mmap,time\nf=os.memfd_create('x'); p=b'x'*(1<<20)\nfor i in range(100): os.write(f,p)\n"
                  "m=mmap.mmap(f,100<<20); kids=[]\n"
                  "for k in range(3):\n"
                  "    pid=os.fork()\n"
                  "    if pid==0:\n"
                  "        n=sum(m[i] for i in range(0,100<<20,4096)); time.sleep(1); os._exit(0)\n"
                  "    kids.append(pid)\n"
                  "print([os.waitpid(k,0)[1] for k in kids])",
                  "[0, 0, 0]\n");
}

/* Segments outlive the processes that made them: without control groups the watchdog removes what nobody uses. A
 * control group counts them: who made too much ends, and what was to be removed is gone with it. */
static void test_system_v_memory(void **state)
{
    (void)state;
    if (!strstr(sandbox_inspect(BOX).limits, "(watchdog)")) {
        assert_int_equal(
            sandbox_sh(BOX, NULL,
                       "exec python3 -c 'import ctypes\nc=ctypes.CDLL(None); c.shmat.restype=ctypes.c_void_p\n"
                       "for i in range(8):\n"
                       "    s=c.shmget(0,ctypes.c_size_t(40<<20),0o1600); a=c.shmat(s,None,0)\n"
                       "    c.shmctl(s,0,None); ctypes.memset(a,1,40<<20)\n'"),
            137);
        assert_int_equal(sandbox_sh(BOX, NULL, "test \"$(wc -l </proc/sysvipc/shm)\" = 1"), 0);
        return;
    }
    expect_python("import ctypes,time\nc=ctypes.CDLL(None); c.shmat.restype=ctypes.c_void_p\n"
                  "for i in range(8):\n"
                  "    n=(40 if i else 60)<<20\n"
                  "    s=c.shmget(0,ctypes.c_size_t(n),0o1600); a=c.shmat(s,None,0)\n"
                  "    ctypes.memset(a,1,n); c.shmdt(ctypes.c_void_p(a))\n"
                  "def left(): return sum(int(l.split()[14]) for l in list(open('/proc/sysvipc/shm'))[1:])>>20\n"
                  "end=time.time()+10\n"
                  "while left()>200 and time.time()<end: time.sleep(0.05)\n"
                  "print('few' if left()<=200 else left())",
                  "few\n");
    assert_non_null(strstr(sandbox_inspect(BOX).reason, "SysV memory"));
    sandbox_sh(BOX, NULL, "ipcrm --all=shm");
}

/* --- outside network --- */

/* Connects to the sandbox's port on the host, as a browser would. Returns what it answers, "" = nothing, "refused". */
static void fetch(int port, struct strbuf *out)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char buf[256];
    ssize_t n;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    strbuf_clear(out);
    if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0) {
        strbuf_addstr(out, "refused");
    } else if (send(fd, "ping\n", 5, MSG_NOSIGNAL) == 5) {
        while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
            strbuf_add(out, buf, (size_t)n);
        }
    }
    close(fd);
}

struct served {
    int port;
    struct strbuf out;
};

static bool is_served(void *arg)
{
    struct served *s = arg;
    fetch(s->port, &s->out);
    return strcmp(s->out.buf, "pong ping\n") == 0;
}

/* A server inside on PORT can be reached on the host's loopback by that port, and only while there is a network. */
static void expect_door(void)
{
    struct served served = {.port = sandbox_inspect(BOX).port, .out = STRBUF_INIT};
    sandbox_sh(BOX, NULL,
               "setsid python3 -c 'import socket,os\ns=socket.socket(); s.setsockopt(1,2,1); "
               "s.bind((\"127.0.0.1\",int(os.environ[\"PORT\"]))); "
               "s.listen()\nwhile 1:\n c=s.accept()[0]; c.sendall(b\"pong \"+c.recv(9)); c.close()' >/dev/null 2>&1 &");
    assert_true(wait_for(is_served, &served, 5000));
    strbuf_release(&served.out);
}

static void test_network_full(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    call_must(BACKEND_DELETE, BOX);
    assert_int_equal(sandbox_create(BOX, NET_FULL, 0, 128), ERROR_NONE);
    if (!(fx.probe.caps & BACKEND_CAP_NET_FULL)) {
        /* Not possible here: said by the probe, with what to do, and by the start. */
        print_message("no isolated network here: %s\n", fx.probe.full_reason);
        assert_true(fx.probe.full_reason[0] != '\0');
        assert_int_not_equal(call_name(BACKEND_START, BOX), ERROR_NONE);
        assert_non_null(strstr(fx_error.msg, "network"));
        assert_int_equal(sandbox_inspect(BOX).state, SANDBOX_FAILED);
        return;
    }
    call_must(BACKEND_START, BOX);
    assert_int_equal(sandbox_inspect(BOX).net, NET_FULL);
    expect_no_host();
    FILE *npm = popen("npm config get registry 2>/dev/null", "r");
    char registry[512] = "";
    if (npm && fgets(registry, sizeof(registry), npm)) {
        registry[strcspn(registry, "\n")] = '\0';
    }
    if (npm) {
        pclose(npm);
    }
    if (strncmp(registry, "http", 4) == 0) {
        char *setting = xasprintf("NPM_CONFIG_REGISTRY=%s", registry);
        const char *const env[] = {setting, NULL};
        const char *const argv[] = {"npm", "install", "--prefix", "/home/muthr/.local", "is-number@7.0.0", NULL};
        struct backend_call call = {.verb = BACKEND_EXEC, .name = BOX, .argv = argv, .env = env};
        assert_int_equal(call_run(&call), ERROR_NONE);
        expect("test -f ~/.local/node_modules/is-number/index.js && echo installed", "installed\n");
        free(setting);
    }
    expect_door();
    int port = sandbox_inspect(BOX).port;
    /* Sealed: cut in the running sandbox, read back, and kept over a restart. */
    call_must(BACKEND_SEAL, BOX);
    assert_int_equal(sandbox_inspect(BOX).net, NET_NONE);
    fetch(port, &out);
    assert_string_equal(out.buf, "refused");
    expect("ls /proc/sys/net/ipv4/conf | grep -v -e all -e default", "lo\n");
    call_must(BACKEND_STOP, BOX);
    call_must(BACKEND_START, BOX);
    assert_int_equal(sandbox_inspect(BOX).net, NET_NONE);
    expect("ls /proc/sys/net/ipv4/conf | grep -v -e all -e default", "lo\n");
}

static void test_network_shared_and_sealed(void **state)
{
    (void)state;
    call_must(BACKEND_DELETE, BOX);
    assert_int_equal(sandbox_create(BOX, NET_SHARED, 0, 128), ERROR_NONE);
    call_must(BACKEND_START, BOX);
    struct sandbox_info info = sandbox_inspect(BOX);
    assert_int_equal(info.net, NET_SHARED);
    assert_non_null(strstr(info.warning, "host's network"));
    char *program =
        xasprintf("import socket\ns=socket.socket(); s.connect(('127.0.0.1',%d)); print('reached')", loopback_port);
    expect_python(program, "reached\n");
    free(program);
    assert_int_equal(close(accept(loopback_fd, NULL, NULL)), 0);
    call_must(BACKEND_SEAL, BOX); /* by a restart without it */
    info = sandbox_inspect(BOX);
    assert_int_equal(info.state, SANDBOX_RUNNING);
    assert_int_equal(info.net, NET_NONE);
    expect_no_host();
}

/* The backend's own look agrees with what the probes above tried out. */
static void test_facts(void **state)
{
    static const char *const firm[] = {"network",   "capabilities",    "seccomp",          "no-new-privileges",
                                       "processes", "root filesystem", "mount /workspace", "mount /tmp"};
    char mount[] = "/workspace";
    struct sandbox_spec spec = {
        .net = NET_NONE, .net_after = NET_NONE, .workspace_mount = mount, .memory_bytes = 200u << 20, .pids = 64};
    struct backend_call call = {.verb = BACKEND_ISOLATION, .name = BOX, .spec = &spec};
    (void)state;
    assert_int_equal(call_run(&call), ERROR_NONE);
    for (size_t i = 0; i < MT_ARRAY_LEN(firm); i++) {
        const struct isolation_fact *found = NULL;
        for (size_t k = 0; k < call.fact_count; k++) {
            found = strcmp(call.facts[k].name, firm[i]) == 0 ? &call.facts[k] : found;
        }
        assert_non_null(found);
        if (found->verdict != ISOLATION_OK) {
            fail_msg("%s: %s", found->name, found->actual);
        }
    }
    for (size_t k = 0; k < call.fact_count; k++) {
        /* Root is told, and what limits hold depends on the machine; nothing else may be weaker. */
        bool excused = strcmp(call.facts[k].name, "user") == 0 || strstr(call.facts[k].name, "limit");
        if (call.facts[k].verdict != ISOLATION_OK && call.facts[k].verdict != ISOLATION_INFO && !excused) {
            fail_msg("%s: %s", call.facts[k].name, call.facts[k].actual);
        }
    }
    backend_call_release(&call);
    struct backend_call none = {.verb = BACKEND_ISOLATION, .name = "muthr-no-such"};
    assert_int_equal(call_run(&none), ERROR_NOT_FOUND);
    struct backend_call logs = {.verb = BACKEND_LOGS, .name = BOX, .tail = -1};
    assert_int_equal(call_run(&logs), ERROR_NONE);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_privileges),
        cmocka_unit_test(test_system_calls),
        cmocka_unit_test(test_network_none),
        cmocka_unit_test(test_fork_bomb),
        cmocka_unit_test(test_memory_hog),
        cmocka_unit_test(test_memory_elsewhere),
        cmocka_unit_test(test_shared_memory_counts_once),
        cmocka_unit_test(test_system_v_memory),
        cmocka_unit_test(test_network_full),
        cmocka_unit_test(test_network_shared_and_sealed),
    };
    return cmocka_run_group_tests_name("bwrap isolation", tests, setup, teardown);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
