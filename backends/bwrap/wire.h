/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_WIRE_H
#define MT_BACKENDS_BWRAP_WIRE_H

/* What is said on a sandbox's control socket (SOCK_SEQPACKET, one message a packet, native byte order: both ends are
 * one machine's). Shared with the in-sandbox init, so it includes nothing of the project. A new field changes
 * WIRE_VERSION. */

#include <stdint.h>

#define WIRE_VERSION 1
#define WIRE_MAX (144 * 1024) /* below the default socket buffer, so that a packet always fits */

enum wire_type {
    WIRE_HELLO = 'H',  /* -> WIRE_READY: struct wire_code, code = WIRE_VERSION */
    WIRE_EXEC = 'E',   /* struct wire_exec; without a terminal with three descriptors (stdin, stdout, stderr) */
    WIRE_SIGNAL = 'S', /* struct wire_code: to the process group of this connection's program */
    WIRE_STATS = 'Q',  /* struct wire_stats_ask -> struct wire_stats */
    WIRE_NET = 'N',    /* -> struct wire_net */
    WIRE_DIAL = 'D',   /* struct wire_code: port -> WIRE_PID with a connected descriptor, or WIRE_TEXT */
    WIRE_READY = 'h',
    WIRE_PID = 'P',  /* struct wire_code: pid inside; with the terminal's master when one was asked for */
    WIRE_EXIT = 'X', /* struct wire_code: exit code, 128+signal */
    WIRE_TEXT = 'T', /* type byte and text: why it failed; WIRE_EXIT follows an exec's */
};

struct wire_code {
    uint8_t type, pad[3];
    int32_t code;
};

/* Followed by NUL-terminated strings: working directory ("" = default), argc arguments, envc KEY=VALUE. */
struct wire_exec {
    uint8_t type, version, tty, pad;
    uint16_t rows, cols;
    uint32_t argc, envc;
};

/* limit_bytes: kill the biggest process (or remove a System V segment that nobody uses) when all together are above it;
 * 0 = only look. */
struct wire_stats_ask {
    uint8_t type, pad[7];
    uint64_t limit_bytes;
};

struct wire_stats {
    uint8_t type, pad[3];
    uint32_t procs;                  /* without the init */
    uint64_t cpu_ns, resident_bytes; /* with shared memory that nobody has mapped */
    int32_t killed_pid;              /* 0: none; -1: a segment */
    uint32_t pad2;
    uint64_t killed_bytes;
    char killed_name[16];
};

struct wire_net {
    uint8_t type, default_route, pad[2]; /* default_route: of IPv4 or IPv6, by another interface than lo */
    uint32_t interfaces;                 /* besides lo */
};

#endif
