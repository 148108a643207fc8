/* SPDX-License-Identifier: Apache-2.0 */
/* Plays llama-server for tests of starting and stopping it: a small real server with /health (503 while it loads, then
 * 200), /v1/models and /props, in the shapes that llama-server's README documents. Its environment makes it misbehave:
 *   PLAY_LOADING_MS   loads for so long
 *   PLAY_MUTE_MS      listens only after so long
 *   PLAY_EXIT         says some words on stderr and exits with this code, at once
 *   PLAY_IGNORE_TERM  takes no notice of TERM
 *   PLAY_CHILD        has a child in its group that ignores TERM
 *   PLAY_BUSY         so many of its four slots write twenty tokens a second each, the last of them reads its prompt;
 *                     /slots and /metrics tell of them (b10621)
 * It ends by itself after two minutes, so that no test leaves it behind. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static long number(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

/* The value behind an argument; the program ends without it. */
static const char *argument(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return argv[i + 1];
        }
    }
    fprintf(stderr, "error: %s is missing\n", name);
    exit(2);
}

/* Four slots, of which some are at work since `ms`. */
static void say_slots(char *out, size_t cap, int busy, long long ms)
{
    size_t at = (size_t)snprintf(out, cap, "[");
    for (int i = 0; i < 4; i++) {
        at += (size_t)snprintf(out + at, cap - at, "%s{\"id\":%d,\"n_ctx\":20480,", i > 0 ? "," : "", i);
        if (i < busy) {
            int reads = i == busy - 1 && busy > 1;
            at += (size_t)snprintf(out + at, cap - at,
                                   "\"id_task\":%d,\"is_processing\":true,\"n_prompt_tokens\":%d,"
                                   "\"n_prompt_tokens_processed\":%lld,\"n_prompt_tokens_cache\":0,"
                                   "\"next_token\":[{\"n_decoded\":%lld}]}",
                                   10 + i, 6000 * (i + 1), reads ? ms / 50 % 6000 : 6000LL * (i + 1),
                                   reads ? 0 : ms / 50);
        } else {
            at += (size_t)snprintf(out + at, cap - at, "\"is_processing\":false}");
        }
    }
    snprintf(out + at, cap - at, "]");
}

/* One request, one answer. */
static void serve(int fd, const char *model, int loading, long long ms)
{
    static const char LOADING[] =
        "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}";
    char request[4096], body[4096], head[256];
    int status = 200, busy = (int)number("PLAY_BUSY");
    ssize_t n = read(fd, request, sizeof(request) - 1);

    request[n > 0 ? n : 0] = '\0';
    if (loading) {
        status = 503;
        snprintf(body, sizeof(body), "%s", LOADING);
    } else if (strncmp(request, "GET /health ", 12) == 0 || strncmp(request, "GET /v1/health ", 15) == 0) {
        snprintf(body, sizeof(body), "{\"status\":\"ok\"}");
    } else if (strncmp(request, "GET /v1/models ", 15) == 0) {
        snprintf(body, sizeof(body),
                 "{\"object\":\"list\",\"data\":[{\"id\":\"%.400s\",\"object\":\"model\",\"owned_by\":\"llamacpp\","
                 "\"meta\":{\"n_ctx\":%d,\"n_ctx_train\":32768}}]}",
                 model, busy > 0 ? 20480 : 4096);
    } else if (strncmp(request, "GET /props ", 11) == 0) {
        snprintf(body, sizeof(body),
                 "{\"default_generation_settings\":{\"n_ctx\":%d},\"total_slots\":%d,\"model_path\":\"%.400s\"}",
                 busy > 0 ? 20480 : 4096, busy > 0 ? 4 : 1, model);
    } else if (busy > 0 && strncmp(request, "GET /slots ", 11) == 0) {
        say_slots(body, sizeof(body), busy, ms);
    } else if (busy > 0 && strncmp(request, "GET /metrics ", 13) == 0) {
        int writing = busy > 1 ? busy - 1 : 1;
        snprintf(body, sizeof(body),
                 "llamacpp:tokens_predicted_total %lld\nllamacpp:tokens_predicted_seconds_total %.3f\n"
                 "llamacpp:requests_processing %d\nllamacpp:requests_deferred 0\n",
                 ms / 50 * writing, (double)ms / 1000, busy);
    } else {
        status = 404;
        snprintf(body, sizeof(body), "{\"error\":{\"code\":404,\"message\":\"File Not Found\"}}");
    }
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                       "Connection: close\r\n\r\n",
                       status, strlen(body));
    if (write(fd, head, (size_t)len) < 0 || write(fd, body, strlen(body)) < 0) {
        fprintf(stderr, "the client went away\n");
    }
    close(fd);
}

int main(int argc, char **argv)
{
    alarm(120);
    signal(SIGPIPE, SIG_IGN);
    const char *model = argument(argc, argv, "--model"), *host = argument(argc, argv, "--host");
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((unsigned short)strtol(argument(argc, argv, "--port"), NULL, 10))};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    printf("playing llama-server with %s\n", model);
    fflush(stdout);
    if (getenv("PLAY_EXIT") != NULL) {
        fprintf(stderr, "loading %s\n\033[31merror: failed to load model '%s'\033[0m\n", model, model);
        return (int)number("PLAY_EXIT");
    }
    if (getenv("PLAY_IGNORE_TERM") != NULL) {
        signal(SIGTERM, SIG_IGN);
    }
    if (getenv("PLAY_CHILD") != NULL && fork() == 0) {
        alarm(120);
        signal(SIGTERM, SIG_IGN);
        for (;;) {
            pause();
        }
    }
    long long began = now_ms(), mute = number("PLAY_MUTE_MS");
    while (now_ms() - began < mute) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (inet_pton(AF_INET, host, &at.sin_addr) != 1 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(fd, 16) != 0) {
        perror("couldn't bind HTTP server socket");
        return 1;
    }
    for (;;) {
        int c = accept(fd, NULL, NULL);
        if (c >= 0) {
            serve(c, model, now_ms() - began < number("PLAY_LOADING_MS"), now_ms() - began);
        }
    }
}
