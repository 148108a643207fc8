/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/bwrap_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/bwrap/bwrap.h"
#include "backends/bwrap/door.h"
#include "backends/process/state.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* A program inside that works against its host, and a neighbour on the machine who helps. Each attempt worked once, or
 * would if one line were missing. */

#define BOX "muthr-hostile"

static int setup(void **state)
{
    if (fixture_setup(state) < 0) {
        return -1;
    }
    sandbox_up(BOX, NET_NONE, 0, 128);
    return 0;
}

/* Runs a Python program inside that must print exactly this. */
static void expect_python(const char *program, const char *output)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    char *script = xasprintf("python3 - <<'EOF' 2>&1\n%s\nEOF", program);
    sandbox_sh(BOX, &out, script);
    free(script);
    assert_string_equal(out.buf, output);
}

/* The workspace is a folder of the host without nosuid: a file there that runs as its owner would give the person's
 * rights (root's, when root runs us) to everybody who can reach the folder. */
static void test_no_set_id_files(void **state)
{
    (void)state;
    expect_python(
        "import ctypes,os,errno,platform\n"
        "c=ctypes.CDLL(None,use_errno=True)\n"
        "x=platform.machine()=='x86_64'\n"
        "A=-100; W=os.O_WRONLY; T=0o20000000|os.O_DIRECTORY|os.O_WRONLY\n"
        "def s(name,*a):\n"
        "    ctypes.set_errno(0); r=c.syscall(*[ctypes.c_long(v) if isinstance(v,int) else v for v in a])\n"
        "    if r>=0: print(name,'worked')\n"
        "open('f','w').close(); f=os.open('f',W)\n"
        "for bit in (0o4000,0o2000,0o6000):\n"
        "    m=bit|0o755\n"
        "    if x:\n"
        "        s('chmod',90,b'f',m); s('creat',85,b'a',m); s('open',2,b'b',W|os.O_CREAT,m)\n"
        "        s('open tmpfile',2,b'.',T,m); s('mknod',133,b'c',0o100000|m,0)\n"
        "    s('fchmod',91 if x else 52,f,m); s('fchmodat',268 if x else 53,A,b'f',m)\n"
        "    s('fchmodat2',452,A,b'f',m,0); s('openat',257 if x else 56,A,b'd',W|os.O_CREAT,m)\n"
        "    s('openat tmpfile',257 if x else 56,A,b'.',T,m)\n"
        "    s('mknodat',259 if x else 33,A,b'e',0o100000|m,0)\n"
        "    how=(ctypes.c_uint64*3)(W|os.O_CREAT,m,0)\n"
        "    s('openat2',437,A,b'g',ctypes.byref(how),24)\n"
        "    s('high bits',91 if x else 52,f,1<<32|m)\n"
        "print(oct(os.stat('f').st_mode), os.listdir('.'))\n"
        "os.chmod('f',0o1755); os.close(os.open('h',W|os.O_CREAT,0o755)); os.mkdir('k'); os.chmod('k',0o755)\n"
        "print(oct(os.stat('f').st_mode), oct(os.stat('h').st_mode))\n"
        "os.remove('f'); os.remove('h'); os.rmdir('k')",
        "0o100644 ['f']\n0o101755 0o100755\n");
}

/* What a program starts with: its three, and nothing of init's, bwrap's or the shim's. */
static void test_descriptors(void **state)
{
    (void)state;
    expect_python("import os\n"
                  "fds=[f for f in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/'+f)]\n"
                  "print(sorted(f for f in fds if not os.path.realpath('/proc/self/fd/'+f).endswith('/fd')))\n"
                  "for f in '012':\n"
                  "    l=os.readlink('/proc/self/fd/'+f)\n"
                  "    if not (l.startswith('pipe:') or l.startswith('/dev/pts/') or l.startswith('/tmp/')): print(l)",
                  "['0', '1', '2']\n");
}

/* Everything outside of home, workspace, /tmp and /dev/shm, tried: also as root, to whom the host's root files belong.
 */
static void test_nothing_else_is_writable(void **state)
{
    (void)state;
    expect_python(
        "import os,stat\n"
        "skip=('/home/muthr','/workspace','/tmp','/dev/shm','/usr','/opt','/proc/self','/proc/thread-self','/dev/pts',"
        "'/nix','/gnu')\n"
        "fine={'/dev/'+n for n in ('null','zero','full','random','urandom','tty')}\n"
        "for root,dirs,files in os.walk('/'):\n"
        "    dirs[:]=[d for d in dirs if os.path.join(root,d) not in skip and not (root=='/proc' and d.isdigit())]\n"
        "    try: os.mkdir(root+'/muthr-x'); print('folder in',root); os.rmdir(root+'/muthr-x')\n"
        "    except OSError: pass\n"
        "    for f in files:\n"
        "        p=os.path.join(root,f)\n"
        "        try:\n"
        "            if stat.S_ISLNK(os.lstat(p).st_mode) or p in fine: continue\n"
        "            os.close(os.open(p,os.O_WRONLY|os.O_NONBLOCK|os.O_NOCTTY)); print('file',p)\n"
        "        except OSError: pass\n"
        "for d in ('/usr','/usr/bin','/usr/local/bin','/usr/lib','/opt','/dev/pts'):\n"
        "    try: os.mkdir(d+'/muthr-x'); print('folder in',d); os.rmdir(d+'/muthr-x')\n"
        "    except OSError: pass\n"
        "print('end')",
        "end\n");
}

/* Process 1 holds the socket by which programs are started and the leash: nothing of it can be reached or changed. */
static void test_init_is_out_of_reach(void **state)
{
    (void)state;
    expect_python(
        "import ctypes,os,signal,socket\n"
        "c=ctypes.CDLL(None,use_errno=True)\n"
        "def tell(name,ok):\n"
        "    if ok: print(name,'worked')\n"
        "tell('attach',c.ptrace(16,1,0,0)==0); tell('seize',c.ptrace(0x4206,1,0,0)==0)\n"
        "b=ctypes.create_string_buffer(8); v=(ctypes.c_void_p*2)(ctypes.addressof(b),8)\n"
        "tell('vm_readv',c.syscall(310,1,v,1,v,1,0)>=0)\n"
        "fd=c.syscall(434,1,0)\n"
        "tell('pidfd_getfd',fd>=0 and c.syscall(438,fd,9,0)>=0)\n"
        "for f in ['mem','environ','maps','root','cwd','exe','map_files','syscall','stack','io']+['fd/%d'%i for i in "
        "range(20)]:\n"
        "    p='/proc/1/'+f\n"
        "    for how in (os.listdir,os.readlink,lambda p: os.open(p,os.O_RDONLY|os.O_NONBLOCK),\n"
        "                lambda p: os.open(p,os.O_RDWR|os.O_NONBLOCK)):\n"
        "        try: r=how(p)\n"
        "        except OSError: continue\n"
        "        if isinstance(r,int):\n"
        "            try: r=os.read(r,1)\n"
        "            except OSError: r=b''\n"
        "        tell(f,bool(r))\n"
        "for s in range(1,65):\n"
        "    try: os.kill(1,s)\n"
        "    except OSError: pass\n"
        "print(open('/proc/1/comm').read().strip())",
        "muthr-init\n");
    assert_int_equal(sandbox_sh(BOX, NULL, "true"), 0); /* it still serves */
    assert_int_equal(sandbox_inspect(BOX).state, SANDBOX_RUNNING);
}

/* A program that reads its own output back, so that readiness outside was a lie, does not hang whoever carries it. */
static void test_output_taken_back(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    sandbox_sh(BOX, &out,
               "python3 -c 'import os\nr=os.open(\"/proc/self/fd/1\",os.O_RDONLY|os.O_NONBLOCK)\n"
               "for i in range(20000):\n os.write(1,b\"x\")\n try: os.read(r,1)\n except OSError: pass\n"
               "os.close(r); os.write(1,b\"\\nend\\n\")'");
    assert_non_null(strstr(out.buf, "end"));
}

static void count_end(struct backend_call *call, const struct error *err)
{
    (void)err;
    ++*(int *)call->arg;
}

static bool are_three(void *arg)
{
    return *(int *)arg == 3;
}

static bool has_stats(void *arg)
{
    (void)arg;
    return call_name(BACKEND_STATS, BOX) == ERROR_NONE;
}

/* True when the sandbox's tmp holds the file. */
static bool has_tmp(const char *name)
{
    char *path = sandbox_path(BOX, name);
    bool has = fs_exists(path);
    free(path);
    return has;
}

static bool is_on(void *arg)
{
    (void)arg;
    return has_tmp("tmp/on");
}

static bool is_over(void *arg)
{
    (void)arg;
    return has_tmp("tmp/off");
}

/* Between fork and exec a new program is a copy of init that a neighbour inside may signal: stopped there, it must not
 * stop init, which waits to hear whether it could start. */
static void test_stopped_before_it_began(void **state)
{
    (void)state;
    sandbox_sh(BOX, NULL,
               "cat >/tmp/s.c <<'EOF'\n"
               "#include <signal.h>\n#include <time.h>\n#include <unistd.h>\n#include <fcntl.h>\n"
               "int main(void) {\n"
               "    time_t end = time(0) + 4; pid_t last = getpid();\n"
               "    close(open(\"/tmp/on\", O_CREAT|O_WRONLY, 0644));\n"
               "    while (time(0) < end)\n"
               "        for (int i = 0; i < 1000; i++)\n"
               "            for (pid_t p = last + 1; p < last + 40; p++)\n"
               "                if (kill(p, SIGSTOP) == 0) last = p;\n"
               "    close(open(\"/tmp/off\", O_CREAT|O_WRONLY, 0644));\n"
               "}\nEOF\n"
               "gcc -O2 -o /tmp/s /tmp/s.c && (setsid /tmp/s >/dev/null 2>&1 &)");
    assert_true(wait_for(is_on, NULL, 10000));
    const char *const argv[] = {"true", NULL};
    struct backend_call execs[3];
    int ended = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(execs); i++) {
        execs[i] =
            (struct backend_call){.verb = BACKEND_EXEC, .name = BOX, .argv = argv, .done = count_end, .arg = &ended};
        bwrap_backend.submit(fx.be, &execs[i]);
    }
    wait_for(are_three, &ended, 1500); /* stopped, most likely */
    assert_true(wait_for(has_stats, NULL, 20000));
    for (size_t i = 0; i < MT_ARRAY_LEN(execs); i++) {
        bwrap_backend.cancel(fx.be, &execs[i]);
    }
    assert_true(wait_for(are_three, &ended, 20000));
    assert_true(wait_for(is_over, NULL, 20000)); /* the neighbour's three seconds: what runs meanwhile is its prey */
    assert_int_equal(sandbox_sh(BOX, NULL, "true"), 0);
}

/* Traps in everything that the host empties and removes: links to the host, closed folders, depth, strange names. */
static void test_delete_follows_nothing(void **state)
{
    (void)state;
    char *precious = path_join(fx.base, "precious"), *file = path_join(precious, "file");
    assert_int_equal(fs_mkdirs(precious, 0755, NULL), 0);
    assert_int_equal(fs_write_atomic(file, "x", 1, 0644, NULL), 0);
    char *traps = xasprintf("for d in ~ /tmp; do cd $d; ln -s %s link; ln -s %s/file .bash_history; mkdir shut; "
                            "ln -s %s shut/link; chmod 0 shut; mkfifo fifo; touch -- -rf \"$(printf 'a\\nb')\"; "
                            "python3 -c 'import os\nfor i in range(300): os.mkdir(\"d\"); os.chdir(\"d\")\n"
                            "os.symlink(\"%s\",\"l\")'; done",
                            precious, precious, precious, precious);
    assert_int_equal(sandbox_sh(BOX, NULL, traps), 0);
    free(traps);
    call_must(BACKEND_STOP, BOX);
    call_must(BACKEND_START, BOX); /* empties tmp */
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    sandbox_sh(BOX, &out, "ls -A /tmp");
    assert_string_equal(out.buf, "");
    char *dir = sandbox_path(BOX, "");
    call_must(BACKEND_DELETE, BOX);
    assert_false(fs_exists(dir));
    assert_true(fs_exists(file));
    free(dir);
    free(file);
    free(precious);
    sandbox_up(BOX, NET_NONE, 0, 128);
}

/* How many children of the shim are relays. */
static int count_relays(void)
{
    struct strvec names = STRVEC_INIT;
    struct state_status st;
    char *dir = sandbox_path(BOX, "");
    int count = 0;
    state_status_load(dir, &st);
    free(dir);
    fs_list("/proc", &names, NULL);
    for (size_t i = 0; i < names.len; i++) {
        int pid = (int)strtol(names.v[i], NULL, 10);
        if (pid > 0 && parent_of(pid) == st.shim_pid) {
            MT_CLEANUP(strbuf) struct strbuf comm = STRBUF_INIT;
            char *path = xasprintf("/proc/%d/comm", pid);
            fs_read(path, 64, &comm, NULL);
            free(path);
            count += strcmp(comm.buf, "muthr-relay\n") == 0;
        }
    }
    strvec_release(&names);
    return count;
}

static bool relays_are(void *arg)
{
    return count_relays() == *(int *)arg;
}

/* Anybody on the machine can connect to the published port: that must not become a process for each. */
static void test_door_flood(void **state)
{
    (void)state;
    enum { FLOOD = DOOR_RELAYS_MAX + 50 };
    int fds[FLOOD], most = DOOR_RELAYS_MAX, none = 0;
    if (!(fx.probe.caps & BACKEND_CAP_NET_FULL)) {
        print_message("no isolated network here, so no door: %s\n", fx.probe.full_reason);
        return;
    }
    call_must(BACKEND_DELETE, BOX);
    sandbox_up(BOX, NET_FULL, 0, 128);
    sandbox_sh(BOX, NULL,
               "setsid python3 -c 'import socket,os\ns=socket.socket(); s.setsockopt(1,2,1)\n"
               "s.bind((\"127.0.0.1\",int(os.environ[\"PORT\"]))); s.listen(200); k=[]\nopen(\"/tmp/up\",\"w\")\n"
               "while 1: k.append(s.accept())' >/dev/null 2>&1 & while [ ! -e /tmp/up ]; do sleep 0.01; done");
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)sandbox_inspect(BOX).port)};
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < FLOOD; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(fds[i], (struct sockaddr *)&sin, sizeof(sin));
    }
    assert_true(wait_for(relays_are, &most, 10000));
    assert_int_equal(sandbox_sh(BOX, NULL, "true"), 0); /* the shim and the init are not kept busy by it */
    assert_int_equal(count_relays(), DOOR_RELAYS_MAX);
    for (int i = 0; i < FLOOD; i++) {
        close(fds[i]);
    }
    sandbox_sh(BOX, NULL, "kill -9 -1");
    assert_true(wait_for(relays_are, &none, 10000));
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_set_id_files),          cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_nothing_else_is_writable), cmocka_unit_test(test_init_is_out_of_reach),
        cmocka_unit_test(test_output_taken_back),        cmocka_unit_test(test_stopped_before_it_began),
        cmocka_unit_test(test_delete_follows_nothing),   cmocka_unit_test(test_door_flood),
    };
    return cmocka_run_group_tests_name("bwrap hostile", tests, setup, fixture_teardown);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
