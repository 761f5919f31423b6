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

/* Those that had an id got it from a process that is no more. */
static void nobody_answers(struct daemon *d, struct proc *proc)
{
	size_t i;

	fputs("ikehelper: a process without secrets died: another has started\n", stderr);
	for (i = 0; i < PROC_PENDING_MAX; i++) {
		uint32_t id = proc->pending[i];

		if (id && proc_done(proc, id))
			ike_answer(d->ike, daemon_now(), id, NULL, 0);
	}
}

/* ESP goes on without us, and the parent starts another network process. */
static void end_without(struct daemon *d, const char *what)
{
	fail("run: the %s process died: ending", what);
	d->status = 1;
	event_base_loopbreak(d->base);
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
	if (n < 0)
		end_without(d, "key");
}

static void on_worker(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct worker_answer a;
	ssize_t n;

	(void)fd;
	(void)what;
	while ((n = proc_answer(&d->worker, &a, sizeof(a))) > 0) {
		if (n == PROC_ANOTHER)
			nobody_answers(d, &d->worker);
		else if (n == sizeof(a) && proc_done(&d->worker, a.id) &&
			 a.len <= sizeof(a.out))
			ike_answer(d->ike, daemon_now(), a.id, a.len ? a.out : NULL,
				   a.len);
		OPENSSL_cleanse(&a, sizeof(a));
		daemon_pump(d);
	}
	if (n < 0)
		end_without(d, "worker");
}

static void on_verifier(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct verifier_answer a;
	uint8_t out[VERDICT_MAX];
	ssize_t n;

	(void)fd;
	(void)what;
	while ((n = proc_answer(&d->verifier, &a, sizeof(a))) > 0) {
		if (n == PROC_ANOTHER)
			nobody_answers(d, &d->verifier);
		else if (n == sizeof(a) && proc_done(&d->verifier, a.id))
			ike_answer(d->ike, daemon_now(), a.id, out,
				   verdict_write(&a.verdict, out));
		daemon_pump(d);
	}
	if (n < 0)
		end_without(d, "verifier");
}

int ask_watch(struct daemon *d)
{
	short read = EV_READ | EV_PERSIST;

	d->keys_ready = daemon_watch(d, d->keys.fd, read, on_keys);
	d->worker_ready = daemon_watch(d, d->worker.fd, read, on_worker);
	d->verifier_ready = daemon_watch(d, d->verifier.fd, read, on_verifier);
	return d->keys_ready && d->worker_ready && d->verifier_ready ? 0 : -1;
}
