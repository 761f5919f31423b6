// SPDX-License-Identifier: MIT
/* The verifier: judges peers' signatures and certificates, in a process of its own. */
#include "verifier.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "sandbox.h"

#define HEAD offsetof(struct verifier_request, data)

/* len octets of data have come. */
static void answer(const struct config *config, const struct verifier_request *q,
		   size_t len, struct verifier_answer *a)
{
	uint32_t lens[] = { q->hash_len, q->sig_len, q->id_len, q->want_len,
			    q->certs_len };
	struct trust_query query = { .auth = q->auth };
	struct chunk *parts[] = { &query.hash, &query.sig, &query.id, &query.want,
				  &query.certs };
	size_t at = 0;

	memset(a, 0, sizeof(*a));
	a->id = q->id;
	a->verdict.forged = true;
	strcpy(a->verdict.code, "no-verdict");
	if (q->peer >= config->n_peers)
		return;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		if (lens[i] > len - at)
			return;
		*parts[i] = CHUNK(q->data + at, lens[i]);
		at += lens[i];
	}
	trust_judge(&config->peer[q->peer].trust, &query, &a->verdict);
}

static int serve(int fd, void *ctx)
{
	const struct config *config = ctx;
	static struct verifier_request q;
	struct verifier_answer a;
	ssize_t n;

	if (sandbox_enter(SANDBOX_WORKER) < 0)
		return 1;
	while ((n = recv(fd, &q, sizeof(q), 0)) >= (ssize_t)HEAD) {
		answer(config, &q, n - HEAD, &a);
		if (send(fd, &a, sizeof(a), MSG_NOSIGNAL) != sizeof(a))
			break;
	}
	return 0;
}

int verifier_start(struct proc *proc, const struct config *config)
{
	return proc_start_guarded(proc, "ikehelper-cert", serve, (void *)config);
}

int verifier_ask(struct proc *proc, uint32_t peer, const struct ike_action *a)
{
	static struct verifier_request q;
	const struct chunk parts[] = { a->verify.hash, a->verify.sig, a->verify.id,
				       a->verify.want, a->verify.certs };
	size_t at = 0;

	q = (struct verifier_request){ .id = a->id,
				       .peer = peer,
				       .auth = a->verify.auth,
				       .hash_len = a->verify.hash.len,
				       .sig_len = a->verify.sig.len,
				       .id_len = a->verify.id.len,
				       .want_len = a->verify.want.len,
				       .certs_len = a->verify.certs.len };
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].len > sizeof(q.data) - at)
			return -1;
		if (parts[i].len)
			memcpy(q.data + at, parts[i].p, parts[i].len);
		at += parts[i].len;
	}
	return proc_ask(proc, q.id, &q, HEAD + at);
}

size_t verdict_write(const struct trust_verdict *v, uint8_t out[VERDICT_MAX])
{
	size_t code = strnlen(v->code, sizeof(v->code) - 1);
	size_t text = strnlen(v->text, sizeof(v->text) - 1);

	*out++ = v->forged;
	memcpy(out, v->code, code);
	out[code] = 0;
	memcpy(out + code + 1, v->text, text);
	return 1 + code + 1 + text;
}
