/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine/fake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "tests/patience.h"

/* The vtable has no argument for a context; one world at a time. */
static struct fake *current;

struct backend {
    struct fake *f;
    const char *name;
};

/* Something in flight: a backend call, a session being started, or a script that runs. */
struct fake_pending {
    struct fake *f;
    struct timer *timer;
    struct backend_call *call;
    const char *owner;
    void (*started)(void *arg, const char *id, const struct error *err);
    void *started_arg;
    char session[SESSION_ID_MAX];
    char log_path[512];
    enum fake_fault fault;
    bool canceled;
    struct fake_pending *next;
};

static struct fake_pending *pending_new(struct fake *f, timer_fn fn)
{
    struct fake_pending *p = xcalloc(1, sizeof(*p));
    p->f = f;
    p->timer = timer_new(f->w->loop, fn, p);
    p->next = f->pending;
    f->pending = p;
    f->in_flight++;
    f->most_in_flight = MT_MAX(f->most_in_flight, f->in_flight);
    return p;
}

static void pending_free(struct fake_pending *p)
{
    struct fake_pending **at = &p->f->pending;
    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
    p->f->in_flight--;
    timer_close(p->timer);
    free(p);
}

static void cancel_first_op(void *arg)
{
    struct world *w = arg;
    for (size_t i = 0; i < model_op_count(w->model); i++) {
        const struct op_view *op = model_op_at(w->model, i);
        if (op->state == OP_RUNNING) {
            engine_cancel(w->engine, op->id);
            engine_cancel(w->engine, op->id);
            return;
        }
    }
}

/* Counts a thing of an op and decides its fate. */
static enum fake_fault next_fault(struct fake *f)
{
    if (++f->things != f->fault_at) {
        return FAULT_NONE;
    }
    if (f->fault == FAULT_CANCEL || f->fault == FAULT_DEAF) {
        loop_defer(f->w->loop, cancel_first_op, f->w);
    }
    return f->fault;
}

/* Starts the timer of a thing unless it hangs. */
static void arm(struct fake_pending *p)
{
    if (p->fault != FAULT_HANG && p->fault != FAULT_CANCEL) {
        timer_start(p->timer, p->fault == FAULT_DEAF ? 20 : p->f->delay_ms);
    }
}

static int fault_error(const struct fake_pending *p, struct error *err)
{
    if (p->canceled && p->fault != FAULT_DEAF) {
        return error_set(err, ERROR_CANCELED, "cancelled");
    }
    if (p->fault == FAULT_FAIL) {
        return error_set(err, ERROR_INVALID, "scripted failure");
    }
    return p->fault == FAULT_BUSY ? error_set(err, ERROR_BUSY, "scripted: busy") : 0;
}

/* --- backend --- */

struct sandbox_info *fake_box(struct fake *f, const char *name)
{
    for (size_t i = 0; i < FAKE_BOXES; i++) {
        if (f->boxes[i].used && strcmp(f->boxes[i].info.name, name) == 0) {
            return &f->boxes[i].info;
        }
    }
    return NULL;
}

/* The one of that name that this backend has: another may have its like. */
static struct sandbox_info *box_of(struct fake *f, const char *owner, const char *name)
{
    for (size_t i = 0; i < FAKE_BOXES; i++) {
        const char *of = f->boxes[i].owner != NULL ? f->boxes[i].owner : "fake"; /* some are put there by tests */
        if (f->boxes[i].used && strcmp(f->boxes[i].info.name, name) == 0 && strcmp(of, owner) == 0) {
            return &f->boxes[i].info;
        }
    }
    return NULL;
}

static void take_spec(struct sandbox_info *info, const struct sandbox_spec *spec)
{
    str_copy(info->name, sizeof(info->name), spec->name);
    str_copy(info->project, sizeof(info->project), spec->project);
    str_copy(info->profile, sizeof(info->profile), spec->profile);
    str_copy(info->config_hash, sizeof(info->config_hash), spec->config_hash);
    str_copy(info->workspace, sizeof(info->workspace), spec->workspace);
    info->net = spec->net;
    info->workspace_mode = current->overlay ? WORKSPACE_OVERLAY : spec->workspace_mode;
    const char *image = spec->made_from != NULL ? spec->made_from : spec->image;
    str_copy(info->image, sizeof(info->image), image != NULL ? image : "");
}

static int do_create(struct fake *f, const char *owner, const struct sandbox_spec *spec, struct error *err)
{
    if (box_of(f, owner, spec->name) != NULL) {
        return error_set(err, ERROR_EXISTS, "%s exists", spec->name);
    }
    for (size_t i = 0; i < FAKE_BOXES; i++) {
        if (!f->boxes[i].used) {
            f->boxes[i].used = true;
            f->boxes[i].owner = owner;
            memset(&f->boxes[i].info, 0, sizeof(f->boxes[i].info));
            f->boxes[i].info.state = SANDBOX_STOPPED;
            take_spec(&f->boxes[i].info, spec);
            const char *id = spec->made_from_id != NULL ? spec->made_from_id : f->image_id;
            str_copy(f->boxes[i].info.image_id, sizeof(f->boxes[i].info.image_id), id != NULL ? id : "");
            f->boxes[i].info.net_known = strcmp(owner, "vm") == 0; /* configured for life */
            str_copy(f->created_from, sizeof(f->created_from), spec->image != NULL ? spec->image : "");
            return 0;
        }
    }
    return error_set(err, ERROR_SYS, "full");
}

static void do_list(struct fake *f, const char *owner, struct backend_call *call)
{
    call->infos = xcalloc(FAKE_BOXES, sizeof(*call->infos));
    for (size_t i = 0; i < FAKE_BOXES; i++) {
        const char *of = f->boxes[i].owner != NULL ? f->boxes[i].owner : "fake"; /* some are put there by tests */
        if (f->boxes[i].used && strcmp(of, owner) == 0) {
            call->infos[call->info_count++] = f->boxes[i].info;
        }
    }
}

/* What runs in a sandbox ends with it, a little later. */
static void end_sessions(struct fake *f, const char *sandbox)
{
    for (struct fake_pending *p = f->pending; p != NULL; p = p->next) {
        const struct session_info *s = model_session(f->w->model, p->session);
        if (p->call == NULL && p->started == NULL && s != NULL && strcmp(s->sandbox, sandbox) == 0) {
            p->canceled = true;
            timer_start(p->timer, 5);
        }
    }
}

/* Lines, and a code by who it is. */
static int do_exec(struct fake *f, struct backend_call *call, struct error *err)
{
    f->last_as_root = call->as_root;
    for (size_t i = 0; i < MT_ARRAY_LEN(f->last_argv) && call->argv[i] != NULL; i++) {
        str_copy(f->last_argv[i], sizeof(f->last_argv[i]), call->argv[i]);
    }
    strbuf_clear(&f->last_input);
    strbuf_add(&f->last_input, call->input, call->input_len);
    for (size_t i = 0; i < MT_ARRAY_LEN(f->exec_lines) && f->exec_lines[i] != NULL && call->on_line != NULL; i++) {
        call->on_line(call, false, f->exec_lines[i], strlen(f->exec_lines[i]));
    }
    call->exit_code = call->as_root ? f->exec_exit : call->input_len == 0 ? f->set_up_exit : 0;
    if (call->exit_code != 0) {
        error_set(err, ERROR_EXIT, "exit %d", call->exit_code);
        err->sys = call->exit_code;
        return -1;
    }
    return 0;
}

/* What is held back, as many as the test says. */
static int do_apply(struct fake *f, struct backend_call *call)
{
    call->changes = f->held_back > 0 ? xcalloc(f->held_back, sizeof(*call->changes)) : NULL;
    for (size_t i = 0; i < f->held_back; i++) {
        call->changes[call->change_count++] =
            (struct workspace_change){.path = xasprintf("dir/file%zu", i), .conflict = true};
    }
    return 0;
}

/* An image, as asked for or as the test says. */
static int do_image(struct fake *f, struct backend_call *call)
{
    const struct sandbox_spec *s = call->spec;
    str_copy(f->last_spec_image, sizeof(f->last_spec_image), s->image != NULL ? s->image : "");
    str_copy(f->last_golden, sizeof(f->last_golden), s->golden != NULL ? s->golden : "");
    str_copy(call->image, sizeof(call->image), f->image != NULL ? f->image : s->image != NULL ? s->image : "default:1");
    str_copy(call->image_id, sizeof(call->image_id), f->image_id != NULL ? f->image_id : "");
    str_copy(call->image_notice, sizeof(call->image_notice), f->image_notice != NULL ? f->image_notice : "");
    return 0;
}

static int perform(struct fake *f, const char *owner, struct backend_call *call, struct error *err)
{
    struct sandbox_info *box = call->name != NULL ? box_of(f, owner, call->name) : NULL;
    switch (call->verb) {
    case BACKEND_PROBE:
        call->probe = strcmp(owner, "fake") != 0 ? f->pod_probe : f->probe;
        return 0;
    case BACKEND_LIST:
        if (f->list_fails > 0) {
            f->list_fails--;
            return error_set(err, ERROR_EXIT, "no list today");
        }
        do_list(f, owner, call);
        return 0;
    case BACKEND_INSPECT:
        call->infos = xcalloc(1, sizeof(*call->infos));
        call->info_count = 1;
        if (box != NULL) {
            call->infos[0] = *box;
        } else {
            str_copy(call->infos[0].name, sizeof(call->infos[0].name), call->name);
        }
        return 0;
    case BACKEND_CREATE:
        f->last_net = call->spec->net;
        if (do_create(f, owner, call->spec, err) < 0) {
            return -1;
        }
        if (call->service) {
            struct sandbox_info *made = fake_box(f, call->spec->name);
            made->service = true;
            made->ports[0] = call->spec->ports[0];
            made->port_count = 1;
            str_copy(made->profile, sizeof(made->profile), "services");
            str_format(made->id, sizeof(made->id), "id%d", f->things);
        }
        return 0;
    case BACKEND_UPDATE:
        take_spec(box, call->spec);
        return 0;
    case BACKEND_START:
        if (box == NULL) {
            return error_set(err, ERROR_NOT_FOUND, "no such sandbox");
        }
        box->state = f->fails_to_stay_up ? SANDBOX_FAILED : SANDBOX_RUNNING;
        box->halted = false;
        box->started_wall_ms = box->service ? 1000u * (unsigned)f->things : 0;
        box->net_known = true;
        if (strcmp(owner, "pod") == 0) {
            f->last_start_net = call->net;
            box->net = call->net == NET_FULL ? NET_FULL : box->net;
        }
        return 0;
    case BACKEND_STOP:
        if (box != NULL) {
            box->state = SANDBOX_STOPPED;
            end_sessions(f, box->name);
        }
        return 0;
    case BACKEND_DELETE:
        f->kept_home = call->keep_home;
        for (size_t i = 0; i < FAKE_BOXES; i++) {
            f->boxes[i].used = f->boxes[i].used && &f->boxes[i].info != box;
        }
        return 0;
    case BACKEND_STATS:
        call->stats = (struct sandbox_stats){.cpu_ns = 5, .memory_bytes = 7, .procs = 2};
        return 0;
    case BACKEND_SEAL:
        box->net = f->seal_lies ? box->net : call->net;
        return 0;
    case BACKEND_EXEC:
        return do_exec(f, call, err);
    case BACKEND_IMAGE:
        return do_image(f, call);
    case BACKEND_COMMIT:
        if (strstr(call->tag, "/muthr-sealed-") != NULL && (box == NULL || box->state != SANDBOX_STOPPED)) {
            return error_set(err, ERROR_INVALID, "only a stopped one");
        }
        str_copy(f->committed, sizeof(f->committed), call->tag);
        str_copy(call->image_id, sizeof(call->image_id), f->committed_id != NULL ? f->committed_id : "");
        return 0;
    case BACKEND_LOGS:
        call->on_line(call, false, "one line", 8);
        return 0;
    case BACKEND_ISOLATION:
        call->facts = xcalloc(1, sizeof(*call->facts));
        call->fact_count = 1;
        str_copy(call->facts[0].wanted, sizeof(call->facts[0].wanted),
                 call->spec != NULL ? net_policy_name(call->spec->net_after) : "");
        return 0;
    case BACKEND_CHANGES:
    case BACKEND_APPLY:
        return do_apply(f, call);
    case BACKEND_DISCARD:
        return 0;
    case BACKEND_WAKE:
        f->kernel = call->install_kernel;
        f->probe.usable = true;
        f->probe.asleep = false;
        return 0;
    case BACKEND_FOLDERS:
        break; /* it has no capability for these */
    }
    return error_set(err, ERROR_INVALID, "verb?");
}

static void on_call(void *arg)
{
    struct fake_pending *p = arg;
    struct backend_call *call = p->call;
    struct error err = ERROR_INIT;
    int rc = fault_error(p, &err);
    if (rc == 0) {
        rc = perform(p->f, p->owner, call, &err);
    }
    call->priv = NULL;
    pending_free(p);
    call->done(call, rc < 0 ? &err : NULL);
}

static struct backend *fake_open(const struct backend_env *env, struct error *err)
{
    (void)env;
    (void)err;
    struct backend *be = xcalloc(1, sizeof(*be));
    be->f = current;
    be->name = "fake";
    return be;
}

static struct backend *pod_open(const struct backend_env *env, struct error *err)
{
    struct backend *be = fake_open(env, err);
    be->name = "pod";
    return be;
}

static struct backend *vm_open(const struct backend_env *env, struct error *err)
{
    struct backend *be = fake_open(env, err);
    be->name = "vm";
    return be;
}

static void fake_close(struct backend *be)
{
    for (struct fake_pending *p = be->f->pending; p != NULL; p = p->next) {
        assert_null(p->call); /* the engine closes a backend only when nothing is in flight */
    }
    free(be);
}

static void fake_submit(struct backend *be, struct backend_call *call)
{
    struct fake *f = be->f;
    struct fake_pending *p = pending_new(f, on_call);
    bool looks = call->verb == BACKEND_PROBE || call->verb == BACKEND_LIST || call->verb == BACKEND_STATS;
    f->counts[call->verb]++;
    p->call = call;
    p->owner = be->name;
    call->priv = p;
    p->fault = looks ? FAULT_NONE : next_fault(f);
    if (call->on_line != NULL) {
        call->on_line(call, true, "working \x1b[1m on it", 17);
    }
    arm(p);
}

static void fake_cancel(struct backend *be, struct backend_call *call)
{
    struct fake_pending *p = call->priv;
    (void)be;
    if (p != NULL && !p->canceled) {
        p->canceled = true;
        if (p->fault != FAULT_DEAF) {
            timer_start(p->timer, 0);
        }
    }
}

static void fake_watch(struct backend *be, backend_change_fn fn, void *arg)
{
    be->f->watch = fn;
    be->f->watch_arg = arg;
}

static int fake_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out,
                          struct strvec *env_out, struct error *err)
{
    (void)err;
    strvec_pushl(argv_out, "enter", spec->sandbox, "--", NULL);
    strvec_pushv(argv_out, spec->argv);
    strvec_pushv(env_out, spec->env);
    strvec_clear(&be->f->last_env);
    strvec_pushv(&be->f->last_env, spec->env);
    str_copy(be->f->last_argv[0], sizeof(be->f->last_argv[0]), spec->cwd);
    for (size_t i = 0; spec->argv[i] != NULL && i + 1 < MT_ARRAY_LEN(be->f->last_argv); i++) {
        str_copy(be->f->last_argv[i + 1], sizeof(be->f->last_argv[0]), spec->argv[i]);
    }
    return 0;
}

const struct backend_ops fake_backend = {
    .name = "fake",
    .caps = BACKEND_CAP_STATS | BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL | BACKEND_CAP_NET_SHARED | BACKEND_CAP_SEAL,
    .open = fake_open,
    .close = fake_close,
    .submit = fake_submit,
    .cancel = fake_cancel,
    .watch = fake_watch,
    .exec_argv = fake_exec_argv,
};

#define POD_CAPS                                                                                                       \
    (BACKEND_CAP_STATS | BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL | BACKEND_CAP_NET_MODEL | BACKEND_CAP_SEAL |      \
     BACKEND_CAP_IMAGES | BACKEND_CAP_BASELINE | BACKEND_CAP_COMMIT | BACKEND_CAP_OVERLAY | BACKEND_CAP_LOGS |         \
     BACKEND_CAP_ISOLATION | BACKEND_CAP_PORTS | BACKEND_CAP_SERVICES)

const struct backend_ops fake_pod = {
    .name = "pod",
    .caps = POD_CAPS,
    .open = pod_open,
    .close = fake_close,
    .submit = fake_submit,
    .cancel = fake_cancel,
    .watch = fake_watch,
    .exec_argv = fake_exec_argv,
};

static const struct backend_ops fake_vm = {
    .name = "vm",
    .caps = BACKEND_CAP_STATS | BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL | BACKEND_CAP_IMAGES |
            BACKEND_CAP_BASELINE | BACKEND_CAP_COMMIT | BACKEND_CAP_SEAL_BY_IMAGE,
    .open = vm_open,
    .close = fake_close,
    .submit = fake_submit,
    .cancel = fake_cancel,
    .watch = fake_watch,
    .exec_argv = fake_exec_argv,
};

const struct backend_ops *const fake_vm_registry[] = {&fake_vm, NULL};
static const struct backend_ops *const REGISTRY[] = {&fake_backend, NULL};
const struct backend_ops *const fake_pod_registry[] = {&fake_pod, NULL};
const struct backend_ops *const fake_both[] = {&fake_backend, &fake_pod, NULL};

/* --- sessions --- */

static struct fake_pending *find_script(struct fake *f, const char *id)
{
    for (struct fake_pending *p = f->pending; p != NULL; p = p->next) {
        if (p->call == NULL && p->started == NULL && strcmp(p->session, id) == 0) {
            return p;
        }
    }
    return NULL;
}

static void on_script_end(void *arg)
{
    struct fake_pending *p = arg;
    struct fake *f = p->f;
    const struct session_info *s = model_session(f->w->model, p->session);
    if (s != NULL) {
        struct session_info end = *s;
        end.state = SESSION_EXITED;
        end.exit_code = p->canceled ? 0 : f->exit_code;
        end.exit_signal = p->canceled ? 1 : 0;
        model_put_session(f->w->model, &end);
    }
    pending_free(p);
}

static void on_session_start(void *arg)
{
    struct fake_pending *p = arg;
    struct fake *f = p->f;
    struct error err = ERROR_INIT;
    void (*started)(void *, const char *, const struct error *) = p->started;
    void *started_arg = p->started_arg;
    if (p->fault == FAULT_FAIL || p->fault == FAULT_BUSY) {
        error_set(&err, ERROR_UNAVAILABLE, "scripted: no host");
        model_remove_session(f->w->model, p->session);
        pending_free(p);
        started(started_arg, NULL, &err);
        return;
    }
    char id[SESSION_ID_MAX];
    str_copy(id, sizeof(id), p->session);
    p->started = NULL;
    timer_close(p->timer);
    p->timer = timer_new(f->w->loop, on_script_end, p);
    struct session_info s = *model_session(f->w->model, id);
    s.state = SESSION_RUNNING;
    model_put_session(f->w->model, &s);
    if (f->script_log != NULL && p->log_path[0] != '\0') {
        assert_int_equal(fs_append(p->log_path, f->script_log, strlen(f->script_log), 0600, NULL), 0);
    }
    bool hangs = f->script_hangs || p->fault == FAULT_HANG || p->fault == FAULT_CANCEL;
    if (!hangs) {
        timer_start(p->timer, p->fault == FAULT_DEAF ? 20 : f->delay_ms);
    }
    started(started_arg, id, NULL);
}

static int port_start(void *arg, const struct session_spec *spec,
                      void (*done)(void *arg, const char *id, const struct error *err), void *done_arg,
                      struct error *err)
{
    struct fake *f = arg;
    (void)err;
    struct fake_pending *p = pending_new(f, on_session_start);
    struct session_info s = {.kind = spec->kind, .state = SESSION_STARTING, .started_wall_ms = clock_wall_ms()};
    f->started_sessions++;
    str_format(s.id, sizeof(s.id), "session-%d", f->started_sessions);
    str_copy(s.sandbox, sizeof(s.sandbox), spec->sandbox);
    str_copy(s.tag, sizeof(s.tag), spec->tag != NULL ? spec->tag : "");
    str_copy(s.label, sizeof(s.label), spec->label != NULL ? spec->label : "");
    str_copy(s.log_path, sizeof(s.log_path), spec->log_path != NULL ? spec->log_path : "");
    str_copy(p->session, sizeof(p->session), s.id);
    str_copy(p->log_path, sizeof(p->log_path), s.log_path);
    p->started = done;
    p->started_arg = done_arg;
    p->fault = spec->kind == SESSION_PROVISION ? next_fault(f) : FAULT_NONE;
    model_put_session(f->w->model, &s);
    timer_start(p->timer, 0);
    return 0;
}

static const struct session_info *port_find(void *arg, const char *id)
{
    struct fake *f = arg;
    return model_session(f->w->model, id);
}

static const struct session_info *port_find_tagged(void *arg, const char *sandbox, enum session_kind kind,
                                                   const char *tag)
{
    struct fake *f = arg;
    const struct session_info *s, *found = NULL;
    for (size_t i = 0; (s = model_session_of(f->w->model, sandbox, i)) != NULL; i++) {
        found = s->kind == kind && strcmp(s->tag, tag) == 0 ? s : found;
    }
    return found;
}

static void port_kill(void *arg, const char *id)
{
    struct fake *f = arg;
    struct fake_pending *p = find_script(f, id);
    f->killed++;
    if (p != NULL && !f->ignores_kill) {
        p->canceled = true;
        timer_start(p->timer, 0);
    }
}

static void port_dismiss(void *arg, const char *id)
{
    struct fake *f = arg;
    f->dismissed++;
    model_remove_session(f->w->model, id);
}

static void port_attended(void *arg, const char *id)
{
    struct fake *f = arg;
    (void)id;
    f->attended++;
}

/* --- a world around it --- */

static void on_guard(void *arg)
{
    (void)arg;
    fprintf(stderr, "the test waits for something that does not come\n");
    abort();
}

/* Everything but the home. */
static void furnish(struct world *w)
{
    struct error err = ERROR_INIT;
    assert_int_equal(config_load(&w->config, &w->home.paths, &err), 0);
    w->config.server_port = 1; /* nobody listens there */
    w->loop = loop_new();
    w->bus = bus_new();
    w->model = model_new(w->bus);
    w->guard = timer_new(w->loop, on_guard, w);
    struct fake *f = &w->fake;
    f->w = w;
    strvec_init(&f->last_env);
    strbuf_init(&f->last_input);
    f->probe.usable = true;
    f->probe.caps = fake_backend.caps;
    f->pod_probe.usable = true;
    f->pod_probe.caps = fake_pod.caps;
    current = f;
}

void world_open(struct world *w)
{
    memset(w, 0, sizeof(*w));
    temphome_open(&w->home);
    temphome_mkdir(&w->home, "src/api");
    temphome_mkdir(&w->home, "src/web");
    temphome_mkdir(&w->home, "src/docs");
    temphome_write(&w->home, "data/profiles/provision.d/p.sh", "echo \"[PROC] p\"\n");
    temphome_write(&w->home, "data/profiles/provision.d/cut.sh", "echo \"[PROC] cut\"\n");
    temphome_write(&w->home, "data/profiles/provision.d/lib/provision-lib.sh", "# lib\n");
    temphome_write(&w->home, "data/profiles/manifests/base.yaml", "name: base\ndescription: nothing to run\n");
    temphome_write(&w->home, "data/profiles/manifests/p.yaml",
                   "name: p\nagent:\n  command: [agent-p, --yes]\nsecurity:\n  network: full\n");
    temphome_write(&w->home, "data/profiles/manifests/cut.yaml", "security:\n  network: none\n");
    temphome_write(&w->home, "data/profiles/baseline.sh", "echo baseline\n");
    free(w->home.paths.data);
    w->home.paths.data = path_join(w->home.dir, "data");
    furnish(w);
}

void world_join(struct world *w, const struct world *host)
{
    const struct session_info *s;
    memset(w, 0, sizeof(*w));
    w->home = host->home;
    furnish(w);
    memcpy(w->fake.boxes, host->fake.boxes, sizeof(w->fake.boxes));
    for (size_t i = 0; (s = model_session_of(host->model, "muthr-api", i)) != NULL; i++) {
        model_put_session(w->model, s);
    }
    w->fake.started_sessions = host->fake.started_sessions;
}

static void on_ready(void *arg)
{
    struct world *w = arg;
    w->ready = true;
}

static bool is_ready(struct world *w)
{
    return w->ready;
}

void world_engine(struct world *w)
{
    struct error err = ERROR_INIT;
    struct engine_opts opts = {.loop = w->loop,
                               .paths = &w->home.paths,
                               .config = &w->config,
                               .model = w->model,
                               .bus = w->bus,
                               .registry = w->registry != NULL ? w->registry : REGISTRY,
                               .order = w->order,
                               .step_timeout_max_ms = w->step_timeout_ms,
                               .idle_stop = w->minute_ms > 0,
                               .minute_ms = w->minute_ms,
                               .no_resume = w->no_resume,
                               .lazy_follow = w->lazy_follow,
                               .wanted = w->wanted};
    opts.port = (struct session_port){.arg = &w->fake,
                                      .start = port_start,
                                      .find = port_find,
                                      .find_tagged = port_find_tagged,
                                      .kill = port_kill,
                                      .dismiss = port_dismiss,
                                      .attended = port_attended};
    w->ready = w->closed = false;
    w->engine = engine_new(&opts, &err);
    assert_non_null(w->engine);
    engine_on_ready(w->engine, on_ready, w);
    world_until(w, is_ready);
}

static void on_closed(void *arg)
{
    struct world *w = arg;
    w->closed = true;
    w->engine = NULL;
}

static bool is_closed(struct world *w)
{
    return w->closed;
}

void world_close_engine(struct world *w, bool leave)
{
    engine_close(w->engine, leave, on_closed, w);
    world_until(w, is_closed);
}

void world_close(struct world *w)
{
    if (w->engine != NULL) {
        world_close_engine(w, false);
    }
    while (w->fake.pending != NULL) {
        assert_null(w->fake.pending->call); /* only scripts may outlive the engine */
        pending_free(w->fake.pending);
    }
    model_free(w->model);
    bus_free(w->bus);
    timer_close(w->guard);
    assert_int_equal(loop_free(w->loop), 0);
    config_release(&w->config);
    strvec_release(&w->fake.last_env);
    strbuf_release(&w->fake.last_input);
    temphome_close(&w->home);
}

void world_until(struct world *w, bool (*cond)(struct world *w))
{
    timer_start(w->guard, patience(20000));
    while (!cond(w)) {
        loop_turn(w->loop, true);
    }
    timer_stop(w->guard);
}

static void on_done(void *arg, const struct op_view *op)
{
    struct world *w = arg;
    w->done++;
    w->last = *op;
}

op_id world_request(struct world *w, struct engine_request *req)
{
    struct error err = ERROR_INIT;
    req->done = on_done;
    req->arg = w;
    op_id id = engine_run(w->engine, req, &err);
    if (id == 0) {
        fail_msg("refused: %s", err.msg);
    }
    return id;
}

op_id world_start(struct world *w, enum engine_plan plan, const char *sandbox, const char *profile)
{
    struct engine_request req = {.plan = plan, .sandbox = sandbox, .profile = profile};
    return world_request(w, &req);
}

void world_wait(struct world *w, int done)
{
    timer_start(w->guard, patience(20000));
    while (w->done < done) {
        loop_turn(w->loop, true);
    }
    timer_stop(w->guard);
}

void world_run(struct world *w, enum engine_plan plan, const char *sandbox, const char *profile)
{
    world_start(w, plan, sandbox, profile);
    world_wait(w, w->done + 1);
}

const struct workspace *world_ws(struct world *w, const char *sandbox)
{
    const struct workspace *ws = model_workspace_by_sandbox(w->model, sandbox);
    assert_non_null(ws);
    return ws;
}

const struct op_step_view *world_step(struct world *w, const char *name)
{
    for (int i = 0; i < w->last.step_count; i++) {
        if (strcmp(w->last.steps[i].name, name) == 0) {
            return &w->last.steps[i];
        }
    }
    fail_msg("no step %s in %s", name, w->last.plan);
    return NULL;
}
