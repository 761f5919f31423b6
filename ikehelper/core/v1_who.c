// SPDX-License-Identifier: MIT
/* Who is who: the identities of packets 5 and 6 (RFC 2407 section 4.6.2). */
#include <string.h>

#include "sa.h"

#define WHY_MAX PAYLOAD_WHY

static uint8_t addr_id_type(const struct ike_addr *a)
{
	return a->family == 6 ? ID_IPV6_ADDR : ID_IPV4_ADDR;
}

static size_t addr_len(const struct ike_addr *a)
{
	return a->family == 6 ? 16 : 4;
}

/* The body of an ID payload; protocol and port are 0 (RFC 2407 section 4.6.2). */
static void put_id(struct buf *b, const struct ike_id *id, const struct ike_addr *a)
{
	put_u8(b, id->type ? id->type : addr_id_type(a));
	put_zeros(b, 3);
	if (id->type)
		put_octets(b, id->data, id->len);
	else
		put_octets(b, a->ip, addr_len(a));
}

void main_own_id(const struct ike_sa *sa, struct buf *b)
{
	put_id(b, &sa->peer->cfg->local_id, &sa->path.local);
}

void main_expected_id(const struct ike_sa *sa, struct buf *b)
{
	put_id(b, &sa->peer->cfg->remote_id, &sa->peer->cfg->remote);
}

static bool is_wanted(const struct ike_peer *cfg, const struct id_body *id)
{
	struct buf want = { 0 };
	bool same;

	put_id(&want, &cfg->remote_id, &cfg->remote);
	/* A port or protocol in it changes nothing about who it is. */
	same = !want.bad && id->type == want.data[0] && id->data.len == want.len - 4 &&
	       !memcmp(id->data.p, want.data + 4, id->data.len);
	buf_wipe(&want);
	return same;
}

static bool offers(const struct ike_peer *cfg, const struct ike_proposal *suite)
{
	for (size_t i = 0; i < cfg->n_ike; i++)
		if (ike_proposal_same(&cfg->ike[i], suite))
			return true;
	return false;
}

/*
 * Peers behind one NAT have the same address and the same pre-shared key: only now do we
 * learn which of them it is (pitfall 1.1).
 */
static void find_by_id(struct ike_sa *sa, const struct id_body *id)
{
	for (struct peer *p = sa->ike->peers; p; p = p->next)
		if (peer_alike(p->cfg, sa->peer->cfg) && is_wanted(p->cfg, id) &&
		    offers(p->cfg, &sa->suite))
			return sa_give(sa, p);
}

/* Our side's and the peer's, into the exchange's refusal. */
static void show_ids(struct exchange *x, const struct id_body *theirs)
{
	struct buf want = { 0 };
	struct id_body ours;
	char why[WHY_MAX];

	main_expected_id(x->sa, &want);
	if (x->refusal &&
	    !id_parse(&ours, &(struct payload){ .body = want.data, .len = want.len },
		      why)) {
		words_id(&ours, x->refusal->ours, sizeof(x->refusal->ours));
		words_id(theirs, x->refusal->theirs, sizeof(x->refusal->theirs));
	}
	buf_wipe(&want);
}

int main_check_id(struct exchange *x, const struct payloads *ps)
{
	struct ike_sa *sa = x->sa;
	struct id_body id;
	char why[WHY_MAX];

	if (payload_get(ps, PL_ID, 1))
		return refuse(x, N_PAYLOAD_MALFORMED, "malformed", "two ID payloads");
	if (id_parse(&id, payload_get(ps, PL_ID, 0), why))
		return refuse(x, N_PAYLOAD_MALFORMED, "malformed", "%s", why);
	if (main_signed(sa)) {
		show_ids(x, &id);
		return x->refusal ? -1 : 0;
	}
	if (!x->initiator && !is_wanted(sa->peer->cfg, &id))
		find_by_id(sa, &id);
	if (is_wanted(sa->peer->cfg, &id))
		return 0;
	refuse(x, N_INVALID_ID_INFORMATION, "id-differs",
	       "the pre-shared key is right, but the peer's identity is not the "
	       "configured one%s",
	       sa->nat.there ? ": it is behind a NAT, where its own address is another; "
			       "write remote-id"
			     : "");
	show_ids(x, &id);
	return -1;
}
