#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What every container has before a profile's script runs: a few programs, the user muthr, its home. Run as root inside,
# once (a marker makes the next run skip the packages): sh -c "$(cat baseline.sh)" baseline UID GID WORKSPACE
# UID auto: the owner of WORKSPACE. 0 stays 0: who works as root on this machine does so inside, on root's own project.
# Lines that begin with MUTHR- are for the engine.
set -u
uid=${1:-auto} gid=${2:-auto} workspace=${3:-/workspace}
marker=/var/lib/muthr/container-baseline-v2
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}
export PATH

fail() {
    echo "MUTHR-ERROR: $1"
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

missing() {
    for p in bash curl git node npm sudo; do
        has "$p" || printf ' %s' "$p"
    done
    [ -s /etc/ssl/certs/ca-certificates.crt ] || [ -s /etc/ssl/cert.pem ] || [ -s /etc/pki/tls/certs/ca-bundle.crt ] ||
        printf ' ca-certificates'
}

# Names of programs to names of packages.
packages() {
    for p in $1; do
        [ "$p" = node ] && p=nodejs
        echo "$p"
    done
}

install_packages() {
    # shellcheck disable=SC2046
    if has apt-get; then
        export DEBIAN_FRONTEND=noninteractive
        dpkg --configure -a </dev/null || : # a run that was ended in the middle
        apt-get -q -o APT::Update::Error-Mode=any update </dev/null || fail "apt-get update failed: is there a network?"
        apt-get -qy --no-install-recommends install $(packages "$1") </dev/null || fail "apt-get install failed"
        rm -rf /var/lib/apt/lists/*
    elif has apk; then
        apk add --no-cache $(packages "$1") </dev/null || fail "apk add failed: is there a network?"
    elif has dnf; then
        dnf -y --setopt=install_weak_deps=False install $(packages "$1") </dev/null || fail "dnf install failed: is there a network?"
    elif has microdnf; then
        microdnf -y --setopt=install_weak_deps=0 install $(packages "$1") </dev/null || fail "microdnf install failed: is there a network?"
    else
        return 1
    fi
}

# The first line with a uid is the one whose name programs show: ours comes right after root's.
add_line() {
    file=$1 name=$2 line=$3
    [ -f "$file" ] || : >"$file"
    { grep '^root:' "$file"; echo "$line"; grep -v -e '^root:' -e "^$name:" "$file"; } >"$file.muthr" 2>/dev/null
    cat "$file.muthr" >"$file" || fail "$file cannot be written"
    rm -f "$file.muthr"
}

add_user() {
    shell=/bin/sh
    [ -x /bin/bash ] && shell=/bin/bash
    grep -q '^root:' /etc/passwd 2>/dev/null || add_line /etc/passwd root "root:x:0:0:root:/root:/bin/sh"
    grep -q "^muthr:x:$uid:$gid:" /etc/passwd || add_line /etc/passwd muthr "muthr:x:$uid:$gid:muthr:/home/muthr:$shell"
    grep -q "^muthr:x:$gid:" /etc/group 2>/dev/null || add_line /etc/group muthr "muthr:x:$gid:"
    if [ -f /etc/shadow ] && ! grep -q '^muthr:' /etc/shadow; then
        echo 'muthr:!:19000:0:99999:7:::' >>/etc/shadow
    fi
}

# Also a link that leads nowhere: the home is the user's, and root writes through no link of his.
there() {
    [ -e "$1" ] || [ -L "$1" ]
}

# A home that is new: from the golden image when it brought one along, else from what the image has for new users.
fill_home() {
    mkdir -p /home/muthr || fail "/home/muthr cannot be made"
    if ! there /home/muthr/.bashrc && [ -d /var/lib/muthr/home ]; then
        cp -a /var/lib/muthr/home/. /home/muthr/ || fail "the home of the image cannot be copied"
        chown -hR "$uid:$gid" /home/muthr
    fi
    if ! there /home/muthr/.bashrc; then
        if [ -f /etc/skel/.bashrc ]; then
            cat /etc/skel/.bashrc >/home/muthr/.bashrc
        else
            # shellcheck disable=SC2016
            echo 'PS1='\''\u@\h:\w\$ '\' >/home/muthr/.bashrc
        fi
    fi
    if ! there /home/muthr/.profile; then
        # shellcheck disable=SC2016
        printf '%s\n' 'PATH="$HOME/.local/bin:$HOME/bin:$PATH"' '[ -n "${BASH_VERSION:-}" ] && [ -f ~/.bashrc ] && . ~/.bashrc' \
            >/home/muthr/.profile
    fi
    chown -h "$uid:$gid" /home/muthr /home/muthr/.bashrc /home/muthr/.profile || fail "/home/muthr cannot be given to muthr"
}

if [ "$uid" = auto ]; then
    uid=$(stat -c %u "$workspace" 2>/dev/null || echo 1000)
    gid=$(stat -c %g "$workspace" 2>/dev/null || echo 1000)
fi

lacks=$(missing)
if [ -n "$lacks" ] && [ ! -e "$marker" ]; then
    echo "[PROC] installing$lacks"
    install_packages "$lacks" || echo "[WARN] no package manager in this image"
    lacks=$(missing)
fi
add_user
fill_home
mkdir -p /var/lib/muthr
[ -e "$marker" ] || date >"$marker" || fail "$marker cannot be written"
[ -z "$lacks" ] || echo "MUTHR-MISSING:$lacks"
exit 0
