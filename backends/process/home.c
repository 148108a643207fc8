/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"

/* A file of a new home. */
static int write_file(const char *home, const char *name, const char *text, struct error *err)
{
    char *path = path_join(home, name);
    size_t len = strlen(text);
    int rc = 0, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || fchmod(fd, 0644) < 0 || write(fd, text, len) != (ssize_t)len) {
        rc = error_sys(err, errno, "%s", path);
    }
    if (fd >= 0 && close(fd) < 0 && rc == 0) {
        rc = error_sys(err, errno, "%s", path);
    }
    free(path);
    return rc;
}

static const char bashrc[] =
    "# Made once when the sandbox was created; it is yours, and is not overwritten.\n"
    "case $- in *i*) ;; *) return ;; esac\n"
    "HISTCONTROL=ignoreboth\nHISTSIZE=5000\nHISTFILESIZE=10000\nshopt -s histappend checkwinsize\n"
    "PS1='\\[\\e[36m\\]${MUTHR_PROJECT:-sandbox}\\[\\e[0m\\] \\[\\e[1m\\]\\W\\[\\e[0m\\] \\$ '\n"
    "# Marks prompts and outputs (OSC 133): the cockpit goes to them, and copies what a command printed.\n"
    "case $TERM in dumb|linux) ;; *)\n"
    "    PS0='\\e]133;C\\a'\n"
    "    PS1='\\[\\e]133;D;$?\\a\\e]133;A\\a\\]'$PS1 ;;\n"
    "esac\n"
    "[ -x /usr/bin/dircolors ] && eval \"$(dircolors -b)\"\n"
    "alias ls='ls --color=auto' ll='ls -l' la='ls -A' grep='grep --color=auto'\n";
static const char profile[] =
    "# Read by login shells.\n"
    "export PATH=\"$HOME/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\"\n"
    "[ -n \"$BASH_VERSION\" ] && [ -f \"$HOME/.bashrc\" ] && . \"$HOME/.bashrc\"\n"
    "true\n";
/* Global installs of npm go to the private home: /usr is the host's and read-only. */
static const char npmrc[] = "prefix=${HOME}/.local\nupdate-notifier=false\nfund=false\n";

int home_make(const char *dir, struct error *err)
{
    char *home = path_join(dir, "home"), *bin = path_join(dir, "home/.local/bin");
    int rc = 0;
    if (!fs_is_dir(home)) {
        rc = fs_mkdirs(bin, 0755, err);
        rc = rc ? rc : write_file(home, ".bashrc", bashrc, err);
        rc = rc ? rc : write_file(home, ".profile", profile, err);
        rc = rc ? rc : write_file(home, ".npmrc", npmrc, err);
    }
    free(home);
    free(bin);
    return rc;
}

int home_make_scratch(const char *dir, struct error *err)
{
    char *tmp = path_join(dir, "tmp"), *logs = path_join(dir, "logs");
    int rc = fs_remove_tree(tmp, err);
    rc = rc ? rc : fs_mkdirs(tmp, 0700, err);
    if (rc == 0 && chmod(tmp, 01777) < 0) {
        rc = error_sys(err, errno, "%s", tmp);
    }
    rc = rc ? rc : fs_mkdirs(logs, 0700, err);
    free(tmp);
    free(logs);
    return rc;
}
