/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_ENGINE_LLM_SERVER_H
#define MT_TESTS_ENGINE_LLM_SERVER_H

/* A loopback HTTP server that plays inference servers of every kind, and misbehaves. It runs on the test's own loop,
 * and keeps a log of what it was asked. The shapes are those of the servers' own documentation; where each comes from
 * stands in llm_server.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/util/strbuf.h"

enum llm_kind { LLM_LLAMA, LLM_LLAMA_OLD, LLM_MLXCEL, LLM_MLX_LM, LLM_VLLM, LLM_OLLAMA, LLM_PLAIN };

enum llm_manner {
    LLM_CALM,
    LLM_HANG,       /* takes the request, says nothing */
    LLM_DRIP,       /* a byte now and then, for ever */
    LLM_REDIRECT,   /* to itself */
    LLM_ENDLESS,    /* says that it sends 10 GB, and goes on */
    LLM_HTML,       /* 200 and a page, whatever was asked */
    LLM_GARBAGE,    /* bytes that are no HTTP */
    LLM_JUNK,       /* 200 and broken JSON */
    LLM_LOADING,    /* 503 for /health, and all else but /v1/models */
    LLM_HANG_UP,    /* closes at once */
    LLM_ERROR,      /* 500 */
    LLM_LATE_SLOTS, /* /slots and /metrics say nothing: it is at work on a batch */
};

#define LLM_LOG_MAX 8192
#define LLM_CONNECTIONS 16

struct llm_connection;

struct llm_server {
    struct loop *loop;
    int fd, port;
    struct watch *watch;
    struct llm_connection *connections[LLM_CONNECTIONS];
    enum llm_kind kind;
    enum llm_manner manner;
    const char *key;           /* NULL: none wanted */
    bool no_slots, no_metrics; /* 501 */
    bool may_sleep, asleep;
    uint64_t written;  /* counter of tokens */
    double seconds;    /* and of the time that they took */
    int busy;          /* of the four slots */
    int prompt_done;   /* of 1000 tokens; 1000: it writes */
    bool with_prompts; /* /slots has them */
    /* what it saw */
    int in_flight, most_in_flight, count;
    bool saw_key;
    uint64_t sent_bytes;
    struct llm_entry {
        char path[32];
        uint64_t at_ms; /* by `now` */
    } log[LLM_LOG_MAX];
    uint64_t (*now)(void *arg); /* NULL: 0 */
    void *now_arg;
};

void llm_open(struct llm_server *s, struct loop *loop, enum llm_kind kind);
void llm_close(struct llm_server *s);
/* How often it was asked for `path` (NULL: anything) at or after `from_ms` and before `to_ms`. */
int llm_asked(const struct llm_server *s, const char *path, uint64_t from_ms, uint64_t to_ms);

#endif
