/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_SANITIZE_H
#define MT_TERM_SANITIZE_H

/* The one tokenizer in front of everything: hostile bytes in, whole bounded tokens out. UTF-8 is assembled across reads
 * (malformed: U+FFFD), parameters are bounded in number and size, control strings in length, APC, PM and SOS are
 * swallowed, C1 code points are dropped. Nothing else in the terminal ever sees raw bytes. This is a security boundary
 * (terminal.md section 6). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/strbuf.h"

#define SANITIZE_TEXT_MAX 512      /* code points in one text token */
#define SANITIZE_PARAMS_MAX 128    /* parameters and sub-parameters of one CSI; the rest is dropped */
#define SANITIZE_PARAM_LIMIT 65535 /* larger values are clamped */
#define SANITIZE_STRING_MAX 4096   /* OSC and DCS; longer ones are dropped whole */
#define SANITIZE_CLIP_MAX 1400000  /* OSC 52: 1 MiB in base64 */

enum token_kind {
    TOKEN_TEXT,    /* cps[n]: printable or zero-width, never a control */
    TOKEN_CONTROL, /* final: a C0 byte, not ESC, NUL, CAN, SUB, DEL */
    TOKEN_ESC,     /* interm, final */
    TOKEN_CSI,     /* leader, params, interm, final */
    TOKEN_OSC,     /* str[len]; bel */
    TOKEN_DCS,     /* str[len]: parameters, intermediates and data as sent */
};

struct token {
    enum token_kind kind;
    uint8_t final;
    uint8_t leader;    /* '<' '=' '>' '?' or 0 */
    uint8_t interm[2]; /* intermediates, 0 = none */
    int nparams;
    int32_t param[SANITIZE_PARAMS_MAX]; /* -1 = empty */
    bool sub[SANITIZE_PARAMS_MAX];      /* joined to the one before by a colon */
    const uint32_t *cps;
    size_t n;
    const char *str; /* NUL-terminated; may hold any bytes */
    size_t len;
    bool bel; /* ended by BEL: answers use the same terminator */
};

typedef void (*sanitize_fn)(const struct token *t, void *arg);

struct sanitizer {
    sanitize_fn emit;
    void *arg;
    uint8_t state;
    uint8_t kind;       /* introducer of the control string */
    bool overflow;      /* the sequence broke a bound: swallow it */
    uint8_t need;       /* UTF-8 continuation bytes still to come */
    uint8_t low, high;  /* range of the next continuation byte */
    uint32_t cp;        /* the code point so far */
    struct token token; /* the sequence being read */
    struct strbuf str;
    size_t ntext;
    uint32_t text[SANITIZE_TEXT_MAX];
};

void sanitizer_init(struct sanitizer *s, sanitize_fn emit, void *arg);
void sanitizer_release(struct sanitizer *s);
/* Emits the tokens that `bytes` complete, in order; text at the end of the bytes is emitted at once, a started sequence
 * is kept. */
void sanitizer_feed(struct sanitizer *s, const char *bytes, size_t len);

/* Parameter `i`, or `def` when it is empty or not there. */
int token_param(const struct token *t, int i, int def);
/* The same for counts: 0 is 1, at most `max`. */
int token_count(const struct token *t, int i, int max);

#endif
