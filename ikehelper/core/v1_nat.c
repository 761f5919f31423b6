// SPDX-License-Identifier: MIT
/* NAT traversal: who is behind a NAT, UDP port 4500, a peer that moves (RFC 3947, 3948). */
#include "sa.h"

#include <stdio.h>
#include <string.h>

#define NAT_PORT 4500
/*
 * NATs forget a UDP flow after 30 seconds without a packet at the earliest; RFC 3948
 * section 4 wants 20. It is no option, because nobody has a reason to choose another.
 */
#define KEEPALIVE_MS 20000
#define LATE_MS	     120000	/* a datagram is not longer on its way (RFC 9293, MSL) */
#define REORDER_MS   10000	/* nor, of several flows, so much later than another */
#define BY_IKE	     UINT32_MAX /* no child showed it */

void nat_put_vendors(const struct exchange *x, struct buf *b, size_t *next)
{
	enum nat_t known = x->sa->nat.known;

	if (x->initiator || known == NAT_T_RFC)
		vendor_put(b, next, VENDOR_NAT_T);
	if (x->initiator || known == NAT_T_DRAFT)
		vendor_put(b, next, VENDOR_NAT_T_DRAFT);
}

int nat_take_vendors(struct exchange *x, const struct payloads *ps)
{
	struct nat *nat = &x->sa->nat;

	nat->known = NAT_T_NONE;
	if (vendor_has(ps, VENDOR_NAT_T))
		nat->known = NAT_T_RFC;
	else if (vendor_has(ps, VENDOR_NAT_T_DRAFT))
		nat->known = NAT_T_DRAFT;
	else if (x->sa->peer->cfg->encap)
		return refuse(x, N_NO_PROPOSAL_CHOSEN, "no-nat-t",
			      "encap = yes, but the peer does not know NAT traversal "
			      "(RFC 3947), so that it cannot receive ESP in UDP");
	return 0;
}

int nat_hash(enum ike_hash hash, const uint8_t *cookies, const struct ike_addr *a,
	     uint8_t *out)
{
	uint8_t port[2] = { a->port >> 8, a->port };
	const struct chunk all[] = { CHUNK(cookies, COOKIES_LEN),
				     CHUNK(a->ip, a->family == 6 ? 16 : 4),
				     CHUNK(port, sizeof(port)) };

	return hash_of(hash, all, 3, out);
}

static uint8_t payload_type(const struct ike_sa *sa)
{
	return sa->nat.known == NAT_T_RFC ? PL_NATD : PL_NATD_DRAFT;
}

/* Where the packet goes to, then where it comes from (pitfall 1.18). */
int nat_put(struct exchange *x, struct buf *b, size_t *next)
{
	const struct ike_sa *sa = x->sa;
	size_t len = hash_len(sa->suite.hash);
	uint8_t to[HASH_MAX], from[HASH_MAX];

	if (sa->nat.known == NAT_T_NONE)
		return 0;
	if (nat_hash(sa->suite.hash, sa->cookies, &sa->path.remote, to) ||
	    nat_hash(sa->suite.hash, sa->cookies, &sa->path.local, from))
		return refuse(x, 0, "crypto", "the NAT-D payloads cannot be made");
	/* What no address matches makes the peer believe in a NAT on our side. */
	if (sa->peer->cfg->encap)
		from[0] ^= 0xff;
	payload_put(b, next, payload_type(sa), to, len);
	payload_put(b, next, payload_type(sa), from, len);
	return 0;
}

static bool names(const struct ike_sa *sa, const struct payload *p,
		  const struct ike_addr *a)
{
	uint8_t want[HASH_MAX];

	return !nat_hash(sa->suite.hash, sa->cookies, a, want) &&
	       p->len == hash_len(sa->suite.hash) && !memcmp(p->body, want, p->len);
}

void nat_take(struct exchange *x, const struct payloads *ps)
{
	struct ike_sa *sa = x->sa;
	struct nat *nat = &sa->nat;
	const struct payload *to = payload_get(ps, payload_type(sa), 0), *from;

	/* One for each end, or the peer has changed its mind (RFC 3947 section 3.2). */
	if (nat->known == NAT_T_NONE || !payload_get(ps, payload_type(sa), 1))
		return;
	nat->here = !names(sa, to, &sa->path.local);
	nat->there = true;
	/* A host with several addresses may name them all. */
	for (size_t i = 1; (from = payload_get(ps, payload_type(sa), i)); i++)
		if (names(sa, from, &sa->path.remote))
			nat->there = false;
	if (!nat->here && !nat->there)
		return;
	trace_note(sa,
		   "NAT-D: %s behind a NAT. Nothing protects that yet: all that comes "
		   "of it is UDP port 4500 from packet 5 on, and ESP in UDP.",
		   !nat->there ? "we are"
		   : nat->here ? "we and the peer are, each,"
			       : "the peer is");
}

static bool wanted(const struct ike_sa *sa)
{
	return sa->nat.known != NAT_T_NONE &&
	       (sa->nat.here || sa->nat.there || sa->peer->cfg->encap);
}

void nat_float(struct ike_sa *sa)
{
	if (!wanted(sa) || sa->path.local.port == NAT_PORT)
		return;
	sa->path.local.port = sa->path.remote.port = NAT_PORT;
	trace_note(sa, "From here on IKE goes over UDP port 4500, which lets ESP pass "
		       "where only TCP and UDP do (RFC 3947 section 4).");
}

bool nat_floated(const struct ike_sa *sa)
{
	return sa->path.local.port == NAT_PORT;
}

bool nat_udp(const struct ike_sa *sa)
{
	return wanted(sa) && nat_floated(sa);
}

static bool same_end(const struct ike_addr *a, const struct ike_addr *b)
{
	return same_address(a, b) && a->port == b->port;
}

/* All that went to one mapping of the peer's NAT goes to another: IKE and ESP share it. */
static void move(struct peer *peer, struct ike_addr from, const struct ike_addr *to,
		 uint32_t shown_by)
{
	peer->moved_by = shown_by;
	peer->left[peer->n_left++ % NAT_LEFT] = (struct left){ from, peer->ike->now };
	for (struct ike_sa *sa = peer->sas; sa; sa = sa->next)
		if (nat_floated(sa) && same_end(&sa->path.remote, &from))
			sa->path.remote = *to;
	for (uint32_t i = 0; i < peer->cfg->n_child; i++) {
		bool moved = false;

		for (struct pair *p = peer->child[i].pairs; p; p = p->next) {
			if (!p->encap || !same_end(&p->path.remote, &from))
				continue;
			p->path.remote = *to;
			moved = true;
		}
		if (moved)
			queue_esp_path(peer, i, &peer->child[i].pairs->path);
	}
}

/* A packet from where the peer was lately may have been sent before it moved. */
static bool left_within(const struct peer *peer, const struct ike_addr *a, uint64_t ms)
{
	for (size_t i = 0; i < NAT_LEFT && i < peer->n_left; i++)
		if (same_end(&peer->left[i].addr, a) &&
		    peer->ike->now - peer->left[i].at < ms)
			return true;
	return false;
}

static void note_move(struct ike_sa *sa, const struct ike_addr *to)
{
	char addr[64];

	words_addr(to, true, addr, sizeof(addr));
	trace_note(sa,
		   "The peer goes on from %s, and so do we: what came from there is "
		   "authentic.",
		   addr);
}

/*
 * Where a peer is whose packet 5 floats. The packet may have been held up, on the way or
 * by the verifier, until the peer had moved; sent after packet 4, it is no older than
 * its phase 1. Where it went, the other tunnels know.
 */
static struct ike_addr floats_to(const struct ike_sa *sa, const struct ike_addr *from)
{
	const struct ike_path *last = nat_path(sa->peer);

	if (last && left_within(sa->peer, from, sa->ike->now - sa->since))
		return last->remote;
	return *from;
}

/*
 * Only a peer that is behind a NAT is followed: for others the configured address is the
 * right one, and who delays packets could lead them astray. A peer without a NAT goes
 * from port 500 to 4500 and nowhere else. The messages of IKEv1 have no order, so that
 * none leads back; ESP, which has one, says so if the peer is there again.
 */
void nat_follow(struct ike_sa *sa, const struct ike_path *path)
{
	const struct ike_addr *remote = &sa->path.remote;
	struct ike_addr to = path->remote;
	bool floats = !nat_floated(sa);

	if (sa->nat.known == NAT_T_NONE || path->local.port != NAT_PORT ||
	    (!floats && (same_end(remote, &path->remote) ||
			 left_within(sa->peer, &path->remote, LATE_MS))) ||
	    (!sa->nat.there && !(floats && same_address(remote, &path->remote))))
		return;
	if (floats) {
		to = floats_to(sa, &path->remote);
		sa->path = (struct ike_path){ path->local, to };
	} else {
		move(sa->peer, *remote, &to, BY_IKE);
	}
	note_move(sa, &to);
}

void nat_moved(struct peer *peer, uint32_t child, const struct ike_addr *to)
{
	const struct pair *pair =
		child < peer->cfg->n_child ? peer->child[child].pairs : NULL;
	struct ike_sa *sa = sa_current(peer);

	if (!pair || !pair->encap || !pair->nat.there || !to->port ||
	    same_end(&pair->path.remote, to))
		return;
	/* Each child has an order of its own, and another than the last may be behind. */
	if (peer->moved_by != child && left_within(peer, to, REORDER_MS))
		return queue_esp_path(peer, child, &pair->path);
	if (sa)
		note_move(sa, to);
	move(peer, pair->path.remote, to, child);
}

static bool passes_nat(const struct nat *nat, bool here)
{
	return here ? nat->here : nat->there;
}

/* The way through a NAT on our side, or on the peer's: the control tunnel's, or ESP's. */
static const struct ike_path *way(const struct peer *peer, bool here)
{
	const struct ike_sa *sa = sa_current(peer);

	if (sa && nat_floated(sa) && passes_nat(&sa->nat, here))
		return &sa->path;
	for (uint32_t i = 0; i < peer->cfg->n_child; i++) {
		const struct pair *p = peer->child[i].pairs;

		if (p && p->encap && passes_nat(&p->nat, here))
			return &p->path;
	}
	return NULL;
}

/* ESP that went out would do as well, but only the module knows of it. */
uint64_t nat_keepalive_at(const struct peer *peer)
{
	return way(peer, true) ? peer->sent_at + KEEPALIVE_MS : NEVER;
}

void nat_keepalive(struct peer *peer)
{
	static const uint8_t octet = 0xff; /* RFC 3948 section 2.3 */
	const struct ike_path *path = way(peer, true);

	if (!path || peer->ike->now < nat_keepalive_at(peer))
		return;
	peer->sent_at = peer->ike->now;
	queue_send(peer->ike, peer->cfg, path, CHUNK(&octet, 1));
}

const struct ike_path *nat_path(const struct peer *peer)
{
	return way(peer, false);
}
