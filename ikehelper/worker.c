// SPDX-License-Identifier: MIT
/* The worker process: Diffie-Hellman away from the loop. */
#include "worker.h"

#include <string.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

#include "sandbox.h"

static void answer(const struct worker_request *q, struct worker_answer *a)
{
	int len;

	memset(a, 0, sizeof(*a));
	a->id = q->id;
	if (q->priv_len > sizeof(q->priv) || q->pub_len > sizeof(q->pub))
		return;
	len = dh_compute(q->op, q->group, CHUNK(q->priv, q->priv_len),
			 CHUNK(q->pub, q->pub_len), a->out);
	a->len = len < 0 ? 0 : len;
}

static int serve(int fd, void *ctx)
{
	struct worker_request q;
	struct worker_answer a;

	(void)ctx;
	if (sandbox_enter(SANDBOX_WORKER) < 0)
		return 1;
	while (recv(fd, &q, sizeof(q), 0) == sizeof(q)) {
		answer(&q, &a);
		OPENSSL_cleanse(&q, sizeof(q));
		if (send(fd, &a, sizeof(a), MSG_NOSIGNAL) != sizeof(a))
			break;
		OPENSSL_cleanse(&a, sizeof(a));
	}
	return 0;
}

int worker_start(struct proc *proc)
{
	return proc_start_guarded(proc, "ikehelper-dh", serve, NULL);
}
