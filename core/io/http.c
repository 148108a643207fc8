/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/io/curl_lib.h"
#include "core/io/fd.h"
#include "core/io/loop_private.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

struct http_client {
    struct loop *loop;
    struct curl_lib curl; /* loaded by the first request */
    CURLM *multi;         /* NULL until then */
    struct timer *timer;
    struct http_request *requests;
    bool closing;
};

struct http_request {
    struct http_client *client;
    struct http_request *prev, *next;
    struct loop_task finish;
    CURL *easy; /* NULL once it has left the multi */
    struct strbuf body;
    struct error error;
    http_done_fn done;
    void *arg;
    char *url;
    char *bearer; /* or NULL */
    char reason[CURL_ERROR_SIZE];
    size_t max_bytes;
    uint64_t timeout_ms;
    int status;
    int early_fd;  /* connected before curl was there, not yet taken by it; -1: none */
    bool is_early; /* the socket that curl has opened last was that one */
    bool too_long, ended;
};

/* One descriptor that curl wants watched. */
struct socket_watch {
    struct http_client *client;
    struct watch *watch;
    curl_socket_t fd;
};

static void collect(struct http_client *c);

/* Frees the client after sock_close and the last answer. */
static void client_free(void *arg)
{
    free(arg);
}

/* A key does not stay in freed memory. */
static void free_secret(char *s)
{
    if (s != NULL) {
        for (volatile char *at = s; *at != '\0'; at++) {
            *at = '\0';
        }
        free(s);
    }
}

/* loop_task: the answer goes to its owner. */
static void deliver(void *arg)
{
    struct http_request *r = arg;
    struct http_client *c = r->client;
    bool failed = r->error.code != ERROR_NONE;

    if (r->prev != NULL) {
        r->prev->next = r->next;
    } else {
        c->requests = r->next;
    }
    if (r->next != NULL) {
        r->next->prev = r->prev;
    }
    r->done(r->arg, failed ? 0 : r->status, r->body.buf, r->body.len, failed ? &r->error : NULL);
    strbuf_release(&r->body);
    free(r->url);
    free_secret(r->bearer);
    free(r);
    if (c->closing && c->requests == NULL) {
        loop_defer(c->loop, client_free, c);
    }
}

/* Takes the request out of curl and queues its answer. */
static void finish(struct http_request *r)
{
    if (r->ended) {
        return;
    }
    r->ended = true;
    r->client->curl.multi_remove_handle(r->client->multi, r->easy);
    r->client->curl.easy_cleanup(r->easy);
    r->easy = NULL;
    if (r->early_fd >= 0) {
        close(r->early_fd);
    }
    loop_task_add(r->client->loop, &r->finish);
}

/* What curl's result means to the caller. */
static void judge(struct http_request *r, CURLcode code)
{
    const char *why = r->reason[0] != '\0' ? r->reason : r->client->curl.easy_strerror(code);
    enum error_code kind = ERROR_UNAVAILABLE;
    long status = 0;

    if (code == CURLE_OK) {
        r->client->curl.easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
        r->status = (int)status;
        return;
    }
    if (r->too_long) {
        error_set(&r->error, ERROR_INVALID, "%s: the answer is longer than %zu bytes", r->url, r->max_bytes);
        return;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        error_set(&r->error, ERROR_TIMEOUT, "%s: no answer after %.1f s", r->url, (double)r->timeout_ms / 1000.0);
        return;
    }
    if (code == CURLE_URL_MALFORMAT) {
        kind = ERROR_INVALID;
    } else if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY) {
        kind = ERROR_PARSE; /* a server that speaks no HTTP: schemes were checked */
    }
    error_set(&r->error, kind, "%s: %s", r->url, why);
}

/* Looks which requests have ended. */
static void collect(struct http_client *c)
{
    CURLMsg *msg;
    int left;

    while ((msg = c->curl.multi_info_read(c->multi, &left)) != NULL) {
        struct http_request *r = NULL;
        CURLcode code = msg->data.result;
        if (msg->msg == CURLMSG_DONE &&
            c->curl.easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&r) == CURLE_OK) {
            judge(r, code);
            finish(r); /* msg is not valid any more */
        }
    }
}

/* watch callback. */
static void on_ready(void *arg, int events)
{
    struct socket_watch *sw = arg;
    struct http_client *c = sw->client;
    int mask = 0, running;

    mask |= (events & WATCH_READ) ? CURL_CSELECT_IN : 0;
    mask |= (events & WATCH_WRITE) ? CURL_CSELECT_OUT : 0;
    mask |= (events & WATCH_HANGUP) ? CURL_CSELECT_ERR : 0;
    c->curl.multi_socket_action(c->multi, sw->fd, mask, &running); /* may free sw */
    collect(c);
}

/* timer callback. */
static void on_timer(void *arg)
{
    struct http_client *c = arg;
    int running;
    c->curl.multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(c);
}

/* CURLMOPT_TIMERFUNCTION. */
static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct http_client *c = arg;
    (void)multi;
    if (timeout_ms < 0) {
        timer_stop(c->timer);
    } else {
        timer_start(c->timer, (uint64_t)timeout_ms);
    }
    return 0;
}

/* CURLMOPT_SOCKETFUNCTION. */
static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct http_client *c = arg;
    struct socket_watch *sw = socket_arg;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (sw != NULL) {
            c->curl.multi_assign(c->multi, fd, NULL);
            watch_close(sw->watch);
            free(sw);
        }
        return 0;
    }
    if (sw == NULL) {
        sw = xcalloc(1, sizeof(*sw));
        sw->client = c;
        sw->fd = fd;
        sw->watch = watch_new(c->loop, fd, on_ready, sw, NULL);
        if (sw->watch == NULL) {
            free(sw);
            return -1;
        }
        c->curl.multi_assign(c->multi, fd, sw);
    }
    events |= (what & CURL_POLL_IN) ? WATCH_READ : 0;
    events |= (what & CURL_POLL_OUT) ? WATCH_WRITE : 0;
    watch_set(sw->watch, events);
    return 0;
}

/* CURLOPT_WRITEFUNCTION: refuses what is too long. */
static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct http_request *r = arg;
    size_t len = size * count;

    if (len > r->max_bytes - r->body.len) {
        r->too_long = true;
        return CURL_WRITEFUNC_ERROR;
    }
    strbuf_add(&r->body, data, len);
    return len;
}

struct http_client *http_client_new(struct loop *loop)
{
    struct http_client *c = xcalloc(1, sizeof(*c));

    c->loop = loop;
    c->timer = timer_new(loop, on_timer, c);
    return c;
}

/* Before the first request: libcurl itself, and its multi handle on our loop. */
static int start(struct http_client *c, struct error *err)
{
    if (c->multi != NULL) {
        return 0;
    }
    if (curl_lib_load(&c->curl, err) < 0) {
        return -1;
    }
    c->multi = c->curl.multi_init();
    if (c->multi == NULL) {
        return error_set(err, ERROR_SYS, "libcurl cannot start");
    }
    c->curl.multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    c->curl.multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    c->curl.multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    c->curl.multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    return 0;
}

void http_client_close(struct http_client *c)
{
    if (c == NULL) {
        return;
    }
    for (struct http_request *r = c->requests; r != NULL; r = r->next) {
        http_cancel(r);
    }
    c->closing = true;
    if (c->multi != NULL) {
        c->curl.multi_cleanup(c->multi); /* takes its sockets back through set_socket */
    }
    timer_close(c->timer);
    curl_lib_release(&c->curl);
    if (c->requests == NULL) {
        loop_defer(c->loop, client_free, c); /* else the last answer does it */
    }
}

/* Only http and https with a host. *loopback: the host is this machine, where a proxy has no business. */
static int check_url(const struct curl_lib *curl, const char *url, bool *loopback, struct error *err)
{
    CURLU *u = curl->url();
    char *scheme = NULL, *host = NULL;
    int rc = -1;

    if (curl->url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl->url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl->url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        error_set(err, ERROR_INVALID, "%s: not a URL", url);
    } else if (strcasecmp(scheme, "http") != 0 && strcasecmp(scheme, "https") != 0) {
        error_set(err, ERROR_INVALID, "%s: only http and https", url);
    } else {
        *loopback = strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 || strncmp(host, "127.", 4) == 0;
        rc = 0;
    }
    curl->free(scheme);
    curl->free(host);
    curl->url_cleanup(u);
    return rc;
}

/* The port of a URL of the form http://127.0.0.1:PORT/..., 0 of every other. */
static uint16_t loopback_port(const char *url)
{
    static const char prefix[] = "http://127.0.0.1:";
    const char *digits = url + strlen(prefix);
    char *end;

    if (strncmp(url, prefix, strlen(prefix)) != 0 || *digits < '0' || *digits > '9') {
        return 0;
    }
    unsigned long port = strtoul(digits, &end, 10);
    return port <= UINT16_MAX && *end == '/' ? (uint16_t)port : 0;
}

/* Connects to a port of 127.0.0.1: the descriptor, or -1 and in errno ECONNREFUSED when it is certain that nobody
 * listens. Never waits: the loopback device has answered before connect returns, it only does not say so. */
static int connect_loopback(uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct pollfd p = {.fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLOUT};
    socklen_t len = sizeof(int);
    int why = 0;

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (p.fd < 0) {
        return -1;
    }
    if (fd_set_flags(p.fd, true) != 0 || connect(p.fd, (struct sockaddr *)&in, sizeof(in)) != 0) {
        why = errno;
    }
    if (why == EINPROGRESS && poll(&p, 1, 0) == 1 && getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0) {
        why = errno;
    }
    if (why != 0) {
        close(p.fd);
        errno = why;
        return -1;
    }
    return p.fd;
}

/* CURLOPT_OPENSOCKETFUNCTION: the connection that is there already, once. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_request *r = arg;
    int fd = r->early_fd;

    (void)purpose;
    r->early_fd = -1;
    r->is_early = fd >= 0;
    return r->is_early ? fd : socket(address->family, address->socktype, address->protocol);
}

/* CURLOPT_SOCKOPTFUNCTION, right after it: curl need not connect that one. */
static int tell_connected(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    const struct http_request *r = arg;

    (void)fd;
    (void)purpose;
    return r->is_early ? CURL_SOCKOPT_ALREADY_CONNECTED : CURL_SOCKOPT_OK;
}

/* All options of one GET. */
static void set_options(struct http_request *r, bool direct)
{
    const struct curl_lib *curl = &r->client->curl;
    CURL *e = r->easy;

    curl->easy_setopt(e, CURLOPT_URL, r->url);
    curl->easy_setopt(e, CURLOPT_PRIVATE, r);
    curl->easy_setopt(e, CURLOPT_ERRORBUFFER, r->reason);
    curl->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl->easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl->easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl->easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl->easy_setopt(e, CURLOPT_USERAGENT, "muthr-tui/" MT_VERSION);
    curl->easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl->easy_setopt(e, CURLOPT_WRITEDATA, r);
    if (r->timeout_ms > 0) {
        curl->easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
        curl->easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)r->timeout_ms);
    }
    if (direct) {
        curl->easy_setopt(e, CURLOPT_PROXY, "");
    }
    if (r->bearer != NULL) {
        curl->easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl->easy_setopt(e, CURLOPT_XOAUTH2_BEARER, r->bearer);
    }
    if (r->early_fd >= 0) {
        curl->easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
        curl->easy_setopt(e, CURLOPT_OPENSOCKETDATA, r);
        curl->easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, tell_connected);
        curl->easy_setopt(e, CURLOPT_SOCKOPTDATA, r);
    }
}

/* A request of this client, among its others. */
static struct http_request *request_new(struct http_client *c, const char *url, http_done_fn done, void *arg)
{
    struct http_request *r = xcalloc(1, sizeof(*r));

    r->client = c;
    r->early_fd = -1;
    r->url = xstrdup(url);
    r->done = done;
    r->arg = arg;
    strbuf_init(&r->body);
    r->finish = (struct loop_task){.fn = deliver, .arg = r};
    r->next = c->requests;
    if (r->next != NULL) {
        r->next->prev = r;
    }
    c->requests = r;
    return r;
}

/* curl's side of a request, or NULL. */
static CURL *new_easy(struct http_client *c, struct error *err)
{
    CURL *easy = c->curl.easy_init();

    if (easy == NULL) {
        error_set(err, ERROR_SYS, "cannot start an HTTP request");
    }
    return easy;
}

int http_get(struct http_request **out, struct http_client *c, const char *url, const struct http_opts *opts,
             http_done_fn done, void *arg, struct error *err)
{
    uint16_t port = c->multi == NULL ? loopback_port(url) : 0;
    int early_fd = port != 0 ? connect_loopback(port) : -1;
    struct http_request *r;
    bool loopback = false;
    CURL *easy;

    /* Most often there is no inference server: to learn that, libcurl need not be loaded. */
    if (port != 0 && early_fd < 0 && errno == ECONNREFUSED) {
        r = request_new(c, url, done, arg);
        r->ended = true;
        error_set(&r->error, ERROR_UNAVAILABLE, "%s: %s", url, strerror(ECONNREFUSED));
        loop_task_add(c->loop, &r->finish);
    } else {
        easy = start(c, err) == 0 && check_url(&c->curl, url, &loopback, err) == 0 ? new_easy(c, err) : NULL;
        if (easy == NULL) {
            if (early_fd >= 0) {
                close(early_fd);
            }
            return -1;
        }
        r = request_new(c, url, done, arg);
        r->easy = easy;
        r->early_fd = early_fd;
        r->timeout_ms = opts->timeout_ms;
        r->max_bytes = opts->max_bytes;
        r->bearer = xstrdup_null(opts->bearer);
        set_options(r, loopback || opts->direct);
        c->curl.multi_add_handle(c->multi, r->easy); /* starts by the timer: nothing happens inside this call */
    }
    if (out != NULL) {
        *out = r;
    }
    return 0;
}

void http_cancel(struct http_request *r)
{
    if (!r->ended) {
        error_set(&r->error, ERROR_CANCELED, "%s: canceled", r->url);
        finish(r);
    }
}
