/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/screen_fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/loan.h"
#include "tui/screen.h"

#if defined(__SANITIZE_ADDRESS__)
/* The sanitizers end the process past all handlers: their report should be readable too. */
#include <sanitizer/common_interface_defs.h>
#endif

/* What fatal signal handlers need: fixed bytes, the terminal, its settings. One terminal per process, so file
 * scope. */
static struct {
    volatile sig_atomic_t armed;
    pid_t owner; /* a forked child must not touch its parent's terminal */
    bool registered;
    int fd;
    void *volatile lent; /* NULL: it is not */
    struct termios saved;
    char bytes[SCREEN_FATAL_MAX];
    size_t len;
    struct sigaction previous[NSIG];
    void *stack;
} fatal;

/* Everything that ends a process by default and has no watch of ours; the first four can be faults of our own. */
static const int fatal_signals[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGABRT, SIGQUIT,
                                    SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU, SIGXFSZ, SIGSYS};
#define FAULTS 4

void screen_emergency_restore(void)
{
    int saved_errno = errno;

    if (fatal.armed && fatal.owner == getpid()) {
        fatal.armed = 0;
        if (fatal.lent) {
            loan_withdraw(fatal.lent);
        }
        int flags = fcntl(fatal.fd, F_GETFL);
        /* A frame that is half way out must not swallow the reset: end any unfinished sequence first (CAN, ST). */
        (void)!write(fatal.fd, "\030\033\\", 3);
        for (size_t at = 0, tries = 0; at < fatal.len && tries < 100; tries++) {
            ssize_t n = write(fatal.fd, fatal.bytes + at, fatal.len - at);
            if (n > 0) {
                at += (size_t)n;
            } else if (n < 0 && errno == EAGAIN) {
                fd_wait_writable(fatal.fd, 5);
            } else if (n < 0 && errno != EINTR) {
                break;
            }
        }
        (void)tcsetattr(fatal.fd, TCSANOW, &fatal.saved);
        (void)fcntl(fatal.fd, F_SETFL, flags & ~O_NONBLOCK);
    }
    errno = saved_errno;
}

/* SIGSEGV and friends: the terminal first, then whatever would have happened without us. */
static void on_fatal(int signum, siginfo_t *info, void *context)
{
    (void)context;
    screen_emergency_restore();
    (void)sigaction(signum, &fatal.previous[signum], NULL);
    /* A real fault happens again on return, with its address, for the core dump or the sanitizer; one that was sent
     * does not. */
    bool fault = false;
    for (size_t i = 0; i < FAULTS; i++) {
        fault = fault || signum == fatal_signals[i];
    }
    if (!fault || !info || info->si_code <= 0) {
        (void)raise(signum);
    }
}

/* Handlers on a stack of their own: a stack overflow is a SIGSEGV too. */
static void catch_fatal(void)
{
    struct sigaction sa = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_size = 65536}, old;

    if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE)) {
        fatal.stack = stack.ss_sp = xmalloc(stack.ss_size);
        (void)sigaltstack(&stack, NULL);
    }
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < MT_ARRAY_LEN(fatal_signals); i++) {
        (void)sigaction(fatal_signals[i], &sa, &fatal.previous[fatal_signals[i]]);
    }
    mt_bug_hook = screen_emergency_restore;
}

void screen_fatal_release(void)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(fatal_signals); i++) {
        (void)sigaction(fatal_signals[i], &fatal.previous[fatal_signals[i]], NULL);
    }
    if (fatal.stack) {
        stack_t stack = {.ss_flags = SS_DISABLE};
        (void)sigaltstack(&stack, NULL);
        free(fatal.stack);
        fatal.stack = NULL;
    }
    mt_bug_hook = NULL;
}

void screen_fatal_bytes(const char *bytes, size_t len)
{
    sig_atomic_t armed = fatal.armed;

    fatal.armed = 0;
    fatal.len = MT_MIN(len, sizeof(fatal.bytes));
    memcpy(fatal.bytes, bytes, fatal.len);
    fatal.armed = armed;
}

void screen_fatal_lent(void *word)
{
    fatal.lent = word;
}

void screen_fatal_arm(int fd, const struct termios *saved)
{
    fatal.fd = fd;
    fatal.saved = *saved;
    fatal.owner = getpid();
    if (!fatal.registered) {
        /* exit() from anywhere, a library included, is a way out too. */
        fatal.registered = atexit(screen_emergency_restore) == 0;
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_set_death_callback(screen_emergency_restore);
#endif
    }
    catch_fatal();
    fatal.armed = 1;
}

void screen_fatal_pause(void)
{
    fatal.armed = 0;
}

void screen_fatal_resume(void)
{
    fatal.armed = 1;
}
