/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_COMPILER_H
#define MT_CORE_UTIL_COMPILER_H

/* Compiler attributes and small macros that every layer may use. No code, no types of the project. */

#include <stddef.h>

#define MT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MT_NORETURN __attribute__((noreturn))
#define MT_UNUSED __attribute__((unused))
#define MT_MUST_CHECK __attribute__((warn_unused_result))

/* Runs x_release(&var) when the local goes out of scope: MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT; */
#define MT_CLEANUP(type) __attribute__((cleanup(type##_release)))

#define MT_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MT_MIN(a, b) ((a) < (b) ? (a) : (b))
#define MT_MAX(a, b) ((a) > (b) ? (a) : (b))
#define MT_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* `v`, but not below `low` nor above `high`. */
static inline int mt_clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* An impossible state: prints where and aborts. Never for data from a child, a file, a key or the network. */
#define MT_BUG(...) mt_bug(__FILE__, __LINE__, __VA_ARGS__)
/* Called once before the text is printed; the screen layer sets it to restore the terminal. Async-signal-safe work
 * only. */
extern void (*mt_bug_hook)(void);
MT_NORETURN void mt_bug(const char *file, int line, const char *fmt, ...) MT_PRINTF(3, 4);

#endif
