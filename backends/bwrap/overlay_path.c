/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of an overlay workspace: opened without following a link, judged by what they can do. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/bwrap/overlay_private.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

int overlay_open_project(const char *workspace, struct error *err)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, workspace, &how, sizeof(how));
    if (fd < 0 && errno == ENOSYS) {
        fd = open(workspace, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    return fd >= 0 ? fd : error_sys(err, errno, "project folder %s", workspace);
}

int overlay_open_dir(int at, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, at, name, &how, sizeof(how));
    if (fd < 0 && errno == ENOSYS && strchr(name, '/') == NULL && strcmp(name, "..") != 0) {
        fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    return fd;
}

bool overlay_is_at_or_below(const char *path, const char *top)
{
    size_t n = strlen(top);
    return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

bool overlay_is_risky(const char *path)
{
    static const char *const names[] = {".git",
                                        ".gitmodules",
                                        ".gitconfig",
                                        ".gitattributes",
                                        ".envrc",
                                        ".vscode",
                                        ".idea",
                                        ".husky",
                                        ".mcp.json",
                                        ".claude",
                                        ".claude.json",
                                        ".codex",
                                        ".cursor",
                                        ".gemini",
                                        ".opencode",
                                        "opencode.json",
                                        "opencode.jsonc",
                                        ".devcontainer",
                                        ".devcontainer.json",
                                        ".bashrc",
                                        ".bash_profile",
                                        ".bash_login",
                                        ".bash_logout",
                                        ".bash_aliases",
                                        ".profile",
                                        ".zshrc",
                                        ".zshenv",
                                        ".zprofile",
                                        ".zlogin",
                                        ".inputrc",
                                        ".npmrc",
                                        ".yarnrc",
                                        ".yarnrc.yml",
                                        ".pnpmfile.cjs",
                                        ".pre-commit-config.yaml",
                                        ".lefthook.yml",
                                        "lefthook.yml",
                                        "mise.toml",
                                        ".mise.toml",
                                        ".tool-versions",
                                        ".direnv",
                                        ".exrc",
                                        ".nvimrc",
                                        ".nvim.lua",
                                        ".ssh"};
    /* In a repository's own folder, these only hold content; the rest can name programs. */
    static const char *const content[] = {"objects",    "refs",           "logs",       "HEAD",
                                          "index",      "ORIG_HEAD",      "FETCH_HEAD", "packed-refs",
                                          "MERGE_HEAD", "COMMIT_EDITMSG", "description"};
    for (const char *p = path; *p != '\0';) {
        size_t n = strcspn(p, "/");
        const char *next = p[n] == '/' ? p + n + 1 : p + n;
        for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
            bool hit = strlen(names[i]) == n && strncasecmp(p, names[i], n) == 0;
            size_t m = strcspn(next, "/");
            for (size_t k = 0; hit && i == 0 && k < MT_ARRAY_LEN(content); k++) {
                hit = !(strlen(content[k]) == m && memcmp(next, content[k], m) == 0 &&
                        strncmp(next, "objects/info", 12) != 0);
            }
            if (hit) {
                return true;
            }
        }
        bool github = n == 7 && strncasecmp(p, ".github", n) == 0;
        if (github && (strncasecmp(next, "workflows", 9) == 0 || strncasecmp(next, "actions", 7) == 0)) {
            return true;
        }
        p = next;
    }
    return false;
}

bool overlay_link_escapes(int project_fd, const char *path, const char *target)
{
    size_t depth = 0;
    bool named = false;
    if (target[0] == '/' || target[0] == '\0') {
        return true;
    }
    for (const char *p = path; (p = strchr(p, '/')) != NULL; p++) {
        depth++;
    }
    /* ".." only in front, and no more of them than there are folders above: after a name they could lead through
     * another link. */
    for (const char *p = target; *p != '\0';) {
        size_t n = strcspn(p, "/");
        bool up = n == 2 && p[0] == '.' && p[1] == '.';
        if (up && (named || depth-- == 0)) {
            return true;
        }
        named = named || (!up && n > 0 && !(n == 1 && p[0] == '.'));
        p += n + (p[n] == '/');
    }
    /* What it passes through on the host may be a link that leads away. */
    const char *base = strrchr(path, '/');
    MT_CLEANUP(xfree)
    char *full = base != NULL ? xasprintf("%.*s/%s", (int)(base - path), path, target) : xstrdup(target);
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, project_fd, full, &how, sizeof(how));
    int sys = errno;
    if (fd >= 0) {
        close(fd);
    }
    return fd < 0 && (sys == EXDEV || sys == ELOOP);
}
