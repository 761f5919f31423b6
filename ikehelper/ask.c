// SPDX-License-Identifier: MIT
/* What the network process asks the others, what they answer, and what their deaths mean. */
#include <string.h>

#include <openssl/crypto.h>

#include "daemon.h"
#include "ikehelper.h"
#include "keys.h"
#include "verifier.h"
#include "worker.h"

void ask_keys(struct daemon *d, size_t peer, const struct ike_action *a)
{
	struct keys_request q = { .id = a->id, .peer = peer };
	struct chunk data = CHUNK(a->prf.data, a->prf.len);

	if (a->type == IKE_NEED_SIGN) {
		q.op = KEYS_SIGN;
		data = a->sign.hash;
	} else {
		q.hash = a->prf.hash;
	}
	if (data.len <= sizeof(q.data)) {
		q.len = data.len;
		memcpy(q.data, data.p, q.len);
		if (proc_ask(&d->keys, q.id, &q, sizeof(q)) == 0)
			return;
	}
	ike_answer(d->ike, daemon_now(), q.id, NULL, 0);
}

void ask_verifier(struct daemon *d, size_t peer, const struct ike_action *a)
{
	if (verifier_ask(&d->verifier, peer, a) < 0)
		ike_answer(d->ike, daemon_now(), a->id, NULL, 0);
}

void ask_worker(struct daemon *d, const struct ike_action *a)
{
	struct worker_request q = { .id = a->id, .op = a->dh.op, .group = a->dh.group };
	int err = -1;

	if (a->dh.priv_len <= sizeof(q.priv) && a->dh.pub_len <= sizeof(q.pub)) {
		q.priv_len = a->dh.priv_len;
		q.pub_len = a->dh.pub_len;
		memcpy(q.priv, a->dh.priv, q.priv_len);
		if (q.pub_len)
			memcpy(q.pub, a->dh.pub, q.pub_len);
		err = proc_ask(&d->worker, q.id, &q, sizeof(q));
	}
	OPENSSL_cleanse(q.priv, sizeof(q.priv));
	if (err < 0)
		ike_answer(d->ike, daemon_now(), a->id, NULL, 0);
}

/* Without the keys no tunnel can be made any more; those that are up stay up. */
static void on_keys(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct keys_answer a;
	ssize_t n;

	(void)fd;
	(void)what;
	while ((n = proc_answer(&d->keys, &a, sizeof(a))) > 0) {
		if (n == sizeof(a) && proc_done(&d->keys, a.id) && a.len <= sizeof(a.out))
			ike_answer(d->ike, daemon_now(), a.id, a.len ? a.out : NULL,
				   a.len);
		OPENSSL_cleanse(&a, sizeof(a));
		daemon_pump(d);
	}
	if (n < 0) {
		fail("run: the key process died: ending");
		d->status = 1;
		event_base_loopbreak(d->base);
	}
}

/*
 * Another process in place of one that died and had nothing of its own; what that was asked
 * is answered with "could not be done". another is NULL when none could be started.
 */
static void replace(struct daemon *d, struct proc *proc, struct event **ready,
		    event_callback_fn fn, const struct proc *another)
{
	struct proc old = *proc;
	size_t i;

	fputs("a process without secrets died: starting another\n", stderr);
	event_free(*ready);
	proc_stop(proc);
	*ready = NULL;
	if (another) {
		*proc = *another;
		*ready = daemon_watch(d, proc->fd, EV_READ | EV_PERSIST, fn);
	}
	if (!*ready) {
		fail("run: cannot start a process: ending");
		d->status = 1;
		event_base_loopbreak(d->base);
		return;
	}
	for (i = 0; i < PROC_PENDING_MAX; i++)
		if (old.pending[i])
			ike_answer(d->ike, daemon_now(), old.pending[i], NULL, 0);
	daemon_pump(d);
}

static void on_worker(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct worker_answer a;
	struct proc another;
	ssize_t n;

	(void)fd;
	(void)what;
	while ((n = proc_answer(&d->worker, &a, sizeof(a))) > 0) {
		if (n == sizeof(a) && proc_done(&d->worker, a.id) &&
		    a.len <= sizeof(a.out))
			ike_answer(d->ike, daemon_now(), a.id, a.len ? a.out : NULL,
				   a.len);
		OPENSSL_cleanse(&a, sizeof(a));
		daemon_pump(d);
	}
	if (n < 0)
		replace(d, &d->worker, &d->worker_ready, on_worker,
			worker_start(&another) < 0 ? NULL : &another);
}

static void on_verifier(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct verifier_answer a;
	struct proc another;
	uint8_t out[VERDICT_MAX];
	ssize_t n;

	(void)fd;
	(void)what;
	while ((n = proc_answer(&d->verifier, &a, sizeof(a))) > 0) {
		if (n == sizeof(a) && proc_done(&d->verifier, a.id))
			ike_answer(d->ike, daemon_now(), a.id, out,
				   verdict_write(&a.verdict, out));
		daemon_pump(d);
	}
	if (n < 0)
		replace(d, &d->verifier, &d->verifier_ready, on_verifier,
			verifier_start(&another, d->config) < 0 ? NULL : &another);
}

int ask_watch(struct daemon *d)
{
	short read = EV_READ | EV_PERSIST;

	d->keys_ready = daemon_watch(d, d->keys.fd, read, on_keys);
	d->worker_ready = daemon_watch(d, d->worker.fd, read, on_worker);
	d->verifier_ready = daemon_watch(d, d->verifier.fd, read, on_verifier);
	return d->keys_ready && d->worker_ready && d->verifier_ready ? 0 : -1;
}
