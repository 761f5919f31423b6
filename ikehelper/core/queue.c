// SPDX-License-Identifier: MIT
/* The core's door to the other processes: actions out, needs open until answered. */
#include "sa.h"

#include <stdlib.h>
#include <string.h>

/* An action with the octets it points to, which are wiped with it. */
struct queued {
	struct queued *next;
	struct ike_action action;
	struct buf octets, more;
};

static void queued_free(struct queued *q)
{
	if (!q)
		return;
	buf_wipe(&q->octets);
	buf_wipe(&q->more);
	free(q);
}

static struct queued *enqueue(struct ike *ike, enum ike_action_type type,
			      const struct ike_peer *peer)
{
	struct queued *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->action.type = type;
	q->action.peer = peer;
	*ike->last = q;
	ike->last = &q->next;
	return q;
}

bool ike_next(struct ike *ike, struct ike_action *action)
{
	struct queued *q = ike->first;

	queued_free(ike->taken);
	ike->taken = q;
	if (!q)
		return false;
	ike->first = q->next;
	if (!ike->first)
		ike->last = &ike->first;
	*action = q->action;
	return true;
}

void queue_free(struct ike *ike)
{
	queued_free(ike->taken);
	while (ike->first) {
		struct queued *q = ike->first;

		ike->first = q->next;
		queued_free(q);
	}
	while (ike->needs) {
		struct need *need = ike->needs;

		ike->needs = need->next;
		free(need);
	}
}

void queue_send(struct ike *ike, const struct ike_peer *peer, const struct ike_path *path,
		struct chunk data)
{
	struct queued *q = enqueue(ike, IKE_SEND, peer);

	if (!q || buf_set(&q->octets, data.p, data.len))
		return;
	q->action.send.path = *path;
	q->action.send.data = q->octets.data;
	q->action.send.len = q->octets.len;
}

void queue_sa_del(struct ike *ike, const struct ike_peer *peer, uint32_t child, bool out,
		  const uint8_t *spi)
{
	struct queued *q = enqueue(ike, IKE_SA_DEL, peer);

	if (!q)
		return;
	q->action.sa.child = child;
	q->action.sa.out = out;
	memcpy(q->action.sa.spi, spi, 4);
}

void queue_sa_activate(struct ike *ike, const struct ike_peer *peer, uint32_t child,
		       const uint8_t *spi)
{
	struct queued *q = enqueue(ike, IKE_SA_ACTIVATE, peer);

	if (!q)
		return;
	q->action.sa.child = child;
	q->action.sa.out = true;
	memcpy(q->action.sa.spi, spi, 4);
}

void queue_esp_path(struct peer *peer, uint32_t child, const struct ike_path *path)
{
	struct queued *q = enqueue(peer->ike, IKE_ESP_PATH, peer->cfg);

	if (!q)
		return;
	q->action.esp_path.child = child;
	q->action.esp_path.path = *path;
}

void queue_keylog(struct ike_sa *sa)
{
	struct queued *q = enqueue(sa->ike, IKE_KEYLOG, sa->peer->cfg);

	if (!q || buf_set(&q->octets, sa->keys.ka, sa->keys.key_bits / 8))
		return;
	memcpy(q->action.keylog.cookie_i, sa->cookies, 8);
	q->action.keylog.key = q->octets.data;
	q->action.keylog.key_len = q->octets.len;
}

struct trace_event *queue_trace(struct ike *ike, const struct ike_peer *peer)
{
	/* Without memory the event is lost, and nothing else. */
	static struct trace_event lost;
	struct queued *q = enqueue(ike, IKE_TRACE, peer);

	if (!q) {
		lost = (struct trace_event){ 0 };
		return &lost;
	}
	q->action.trace.ms = ike->now;
	return &q->action.trace;
}

/* An action that is to be answered; NULL without memory. */
static struct queued *open_need(struct peer *peer, enum ike_action_type type,
				enum need_kind kind, uint32_t child, struct need **out)
{
	struct ike *ike = peer->ike;
	struct need *need = calloc(1, sizeof(*need));
	struct queued *q = need ? enqueue(ike, type, peer->cfg) : NULL;

	if (!q) {
		free(need);
		return NULL;
	}
	do
		need->id = ++ike->last_need;
	while (!need->id);
	need->nth = ++peer->needs;
	need->kind = kind;
	need->peer = peer->cfg;
	need->child = child;
	need->next = ike->needs;
	ike->needs = need;
	q->action.id = need->id;
	*out = need;
	return q;
}

/* The same for an exchange, which waits for it. Without memory it has failed already. */
static struct queued *ask(struct exchange *x, enum ike_action_type type,
			  enum need_kind kind, uint32_t child, struct need **out)
{
	struct need *need;
	struct queued *q = open_need(x->sa->peer, type, kind, child, &need);

	if (!q) {
		refuse(x, 0, "memory", "out of memory");
		return NULL;
	}
	need->x = x;
	x->needs++;
	if (out)
		*out = need;
	return q;
}

bool need_count(struct peer *peer, uint32_t child, const uint8_t *spi)
{
	struct need *need;
	struct queued *q = open_need(peer, IKE_NEED_COUNT, NEED_COUNT, child, &need);

	if (!q)
		return false;
	memcpy(need->spi, spi, 4);
	q->action.sa.child = child;
	memcpy(q->action.sa.spi, spi, 4);
	return true;
}

void need_skeyid(struct exchange *x, struct chunk ni, struct chunk nr)
{
	struct queued *q = ask(x, IKE_NEED_PRF, NEED_SKEYID, 0, NULL);

	if (!q)
		return;
	put_octets(&q->octets, ni.p, ni.len);
	put_octets(&q->octets, nr.p, nr.len);
	q->action.prf.hash = x->sa->suite.hash;
	q->action.prf.data = q->octets.data;
	q->action.prf.len = q->octets.len;
}

void need_dh(struct exchange *x, enum dh_op op, enum ike_group group, struct chunk priv,
	     struct chunk pub)
{
	struct queued *q =
		ask(x, IKE_NEED_DH, op == DH_PUBLIC ? NEED_PUBLIC : NEED_SHARED, 0, NULL);

	if (!q)
		return;
	put_octets(&q->octets, priv.p, priv.len);
	put_octets(&q->more, pub.p, pub.len);
	q->action.dh.op = op;
	q->action.dh.group = group;
	q->action.dh.priv = q->octets.data;
	q->action.dh.priv_len = q->octets.len;
	q->action.dh.pub = q->more.data;
	q->action.dh.pub_len = q->more.len;
}

void need_sign(struct exchange *x, struct chunk hash)
{
	struct queued *q = ask(x, IKE_NEED_SIGN, NEED_SIGN, 0, NULL);

	if (!q)
		return;
	put_octets(&q->octets, hash.p, hash.len);
	q->action.sign.hash = buf_chunk(&q->octets);
}

void need_verify(struct exchange *x, struct chunk hash, struct chunk sig, struct chunk id,
		 struct chunk want, struct chunk certs)
{
	struct queued *q = ask(x, IKE_NEED_VERIFY, NEED_VERIFY, 0, NULL);
	const uint8_t *at;

	if (!q)
		return;
	put_octets(&q->octets, hash.p, hash.len);
	put_octets(&q->octets, sig.p, sig.len);
	put_octets(&q->octets, id.p, id.len);
	put_octets(&q->octets, want.p, want.len);
	put_octets(&q->octets, certs.p, certs.len);
	if (q->octets.bad)
		return; /* as zeros it proves nothing */
	at = q->octets.data;
	q->action.verify.auth = x->sa->suite.auth;
	q->action.verify.hash = CHUNK(at, hash.len);
	q->action.verify.sig = CHUNK(at += hash.len, sig.len);
	q->action.verify.id = CHUNK(at += sig.len, id.len);
	q->action.verify.want = CHUNK(at += id.len, want.len);
	q->action.verify.certs = CHUNK(at += want.len, certs.len);
}

void need_spi(struct exchange *x)
{
	struct queued *q = ask(x, IKE_NEED_SPI, NEED_INBOUND_SPI, x->quick->child, NULL);

	if (q)
		q->action.spi.child = x->quick->child;
}

void need_sa_add(struct exchange *x, const struct ike_action *add)
{
	struct need *need;
	struct queued *q =
		ask(x, IKE_SA_ADD, add->sa_add.out ? NEED_ADD_OUT : NEED_ADD_IN,
		    add->sa_add.child, &need);

	if (!q)
		return;
	memcpy(need->spi, add->sa_add.spi, 4);
	q->action.sa_add = add->sa_add;
	put_octets(&q->octets, add->sa_add.key, add->sa_add.key_len);
	put_octets(&q->more, add->sa_add.integ_key, add->sa_add.integ_key_len);
	q->action.sa_add.key = q->octets.data;
	q->action.sa_add.key_len = q->octets.len;
	q->action.sa_add.integ_key = q->more.data;
	q->action.sa_add.integ_key_len = q->more.len;
}

void needs_forget(struct exchange *x)
{
	for (struct need *need = x->sa->ike->needs; need; need = need->next)
		if (need->x == x)
			need->x = NULL;
	x->needs = 0;
}
