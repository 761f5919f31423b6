// SPDX-License-Identifier: GPL-2.0-only
/*
 * outer packet → SA → decrypt → check → deliver; ends with its entry point
 *
 * Read it from the end upwards. Runs in softirq; RCU protects the SA until the
 * cipher has the packet, then a reference holds it. rx_done() may run later
 * and on another CPU, several at once for one SA.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/gro_cells.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>

#include "compat.h"
#include "device.h"
#include "peer.h"
#include "sa.h"

#define ET_RX_DELIVER ET_DROP_MAX	/* no reason to drop it */

/* Cheap, before decryption: the answer may be outdated, but a forger cannot wish it so. */
static enum et_drop_reason verdict_reason(enum et_replay_verdict verdict)
{
	switch (verdict) {
	case ET_REPLAY_DUPLICATE:
		return ET_DROP_REPLAY_DUPLICATE;
	case ET_REPLAY_LATE:
		return ET_DROP_REPLAY_LATE;
	default:
		return ET_RX_DELIVER;
	}
}

/*
 * The packet is authentic: is it new? Now for good. Only the highest number
 * yet says where the peer is now: a packet that was held back on its way, or
 * copied and sent from elsewhere, does not.
 */
static enum et_drop_reason accept_seq(struct et_sa *sa, u64 seq, const struct sk_buff *skb)
{
	struct et_source from = et_outer_source(skb);
	enum et_replay_verdict verdict;
	bool moved;

	spin_lock(&sa->replay_lock);
	moved = seq > sa->replay->top && !et_source_equal(&from, &sa->from);
	verdict = et_replay_update(sa->replay, seq);
	if (unlikely(moved))
		sa->from = from;
	spin_unlock(&sa->replay_lock);

	if (unlikely(moved)) {
		set_bit(ET_SA_MOVED, &sa->flags);
		et_sa_kick(sa);
	}
	return verdict_reason(verdict);
}

/* Take ESP's parts off; the data is the inner packet then, as long as it says. */
static enum et_drop_reason strip_esp(struct sk_buff *skb, const struct et_esp_geom *g,
				     struct et_flow *flow)
{
	struct et_esp_trailer trailer;
	u8 family = AF_INET;

	__skb_pull(skb, ET_ESP_HDR_LEN + g->iv_len);
	__skb_trim(skb, skb->len - g->icv_len);
	if (et_esp_parse_trailer(skb->data, skb->len, &trailer))
		return ET_DROP_BAD_PADDING;

	switch (trailer.next_header) {
	case IPPROTO_NONE:	/* a dummy packet (RFC 4303 section 2.6) */
		return ET_DROP_DUMMY;
	case IPPROTO_IPIP:
		break;
	case IPPROTO_IPV6:
		family = AF_INET6;
		break;
	default:
		return ET_DROP_NEXT_HEADER;
	}

	__skb_trim(skb, trailer.payload_len);
	if (et_flow_parse(skb->data, skb->len, flow) || flow->family != family ||
	    flow->len > skb->len)
		return ET_DROP_MALFORMED_INNER;
	__skb_trim(skb, flow->len);	/* what follows is TFC padding (section 2.7) */
	return ET_RX_DELIVER;
}

static u8 outer_dsfield(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 6 ? ipv6_get_dsfield(ipv6_hdr(skb)) : ip_hdr(skb)->tos;
}

/* The inner packet gets the outer one's DSCP and keeps its own ECN. */
static void set_dscp(struct sk_buff *skb, u8 outer_tos)
{
	u8 dscp = outer_tos & ~INET_ECN_MASK;

	if (skb->protocol == htons(ETH_P_IPV6))
		ipv6_change_dsfield(ipv6_hdr(skb), INET_ECN_MASK, dscp);
	else
		ipv4_change_dsfield(ip_hdr(skb), INET_ECN_MASK, dscp);
}

/* Everything between the cipher and the stack. */
static enum et_drop_reason check_inner(struct sk_buff *skb, struct et_sa *sa, u64 seq)
{
	u8 outer_tos = outer_dsfield(skb);
	enum et_drop_reason reason;
	struct et_flow flow;

	reason = accept_seq(sa, seq, skb);
	if (reason != ET_RX_DELIVER)
		return reason;
	if (unlikely(!test_bit(ET_SA_FIRST, &sa->flags)) &&
	    !test_and_set_bit(ET_SA_FIRST, &sa->flags))
		et_sa_kick(sa);
	if (seq > sa->seq_max)
		return ET_DROP_SA_EXPIRED;

	reason = strip_esp(skb, et_cipher_geom(&sa->cipher), &flow);
	if (reason != ET_RX_DELIVER)
		return reason;
	if (!et_selectors_match_in(rcu_dereference(sa->peer->selectors), &flow))
		return ET_DROP_SELECTOR_IN;

	skb_reset_network_header(skb);
	skb->protocol = flow.family == AF_INET6 ? htons(ETH_P_IPV6) : htons(ETH_P_IP);
	/* 2 and above: congestion was marked on a packet whose sender cannot know it */
	if (INET_ECN_decapsulate(skb, outer_tos, ip_tunnel_get_dsfield(ip_hdr(skb), skb)) > 1)
		return ET_DROP_ECN;
	if (READ_ONCE(sa->peer->edev->options.decap_dscp))
		set_dscp(skb, outer_tos);
	return ET_RX_DELIVER;
}

/* Make the packet look as if the link had received it, and nothing else of it known. */
static void deliver(struct sk_buff *skb, struct et_dev *edev)
{
	struct net_device *dev = edev->dev;

	skb_reset_mac_header(skb);
	skb_reset_transport_header(skb);
	skb->encapsulation = 0;
	skb->ip_summed = CHECKSUM_NONE;
	skb_clear_hash(skb);
	skb_set_queue_mapping(skb, 0);
	skb_scrub_packet(skb, !net_eq(edev->net, dev_net(dev)));
	skb->dev = dev;
	dev_sw_netstats_rx_add(dev, skb->len);
	gro_cells_receive(&edev->gro_cells, skb);
}

/* The cipher is done with a packet. */
static void rx_done(struct et_crypt *c, int err)
{
	struct sk_buff *skb = c->skb;
	struct et_sa *sa = c->sa;
	struct et_dev *edev = sa->peer->edev;
	enum et_drop_reason reason;
	u64 seq = c->seq;

	et_crypt_put(c);
	rcu_read_lock();
	if (likely(!err))
		reason = check_inner(skb, sa, seq);
	else if (err == -EBADMSG)
		reason = ET_DROP_BAD_ICV;
	else if (err == -ENOSPC || err == -EBUSY)
		reason = ET_DROP_CRYPTO_BUSY;
	else
		reason = ET_DROP_CRYPTO_ERROR;

	if (likely(reason == ET_RX_DELIVER)) {
		et_sa_count(sa, skb->len);
		deliver(skb, edev);
	} else {
		et_drop(skb, edev, sa->peer, sa, reason);
	}
	if (likely(!err))
		et_sa_passed(sa, seq);
	rcu_read_unlock();
	et_sa_put(sa);
}

/* The SA is known: what costs little first, then the cipher. */
static void rx_to_sa(struct sk_buff *skb, struct et_sa *sa)
{
	struct et_dev *edev = sa->peer->edev;
	enum et_drop_reason reason;
	const struct et_esp_geom *g;
	struct et_crypt *c;
	u64 seq;

	reason = ET_DROP_LINK_DOWN;
	if (!(READ_ONCE(edev->dev->flags) & IFF_UP))
		goto drop;
	reason = ET_DROP_MALFORMED_ESP;
	g = et_cipher_geom(&sa->cipher);
	if (!et_esp_len_ok(g, skb->len))
		goto drop;

	seq = et_replay_infer(sa->replay, ntohl(((struct ip_esp_hdr *)skb->data)->seq_no));
	reason = verdict_reason(et_replay_check(sa->replay, seq));
	if (reason != ET_RX_DELIVER)
		goto drop;

	/*
	 * In place and in one piece: pages that came with the packet may belong
	 * to somebody else too, a file's even, and are never written to.
	 */
	reason = ET_DROP_NO_MEMORY;
	if (skb_linearize_cow(skb))
		goto drop;
	reason = ET_DROP_CRYPTO_BUSY;
	c = et_crypt_get();
	if (!c)
		goto drop;
	reason = ET_DROP_SA_EXPIRED;
	if (!et_sa_get_live(sa))
		goto drop_block;

	c->done = rx_done;
	c->skb = skb;
	c->sa = sa;
	c->seq = seq;
	et_crypt_run(c, skb->data, skb->len - ET_ESP_HDR_LEN - g->iv_len - g->icv_len);
	return;

drop_block:
	et_crypt_put(c);
drop:
	et_drop(skb, edev, sa->peer, sa, reason);
}

static void rx_held(struct sk_buff *skb, void *sa)
{
	rx_to_sa(skb, sa);
}

/**
 * et_rx_held - the keys are there: receive what waited for them
 * @sa: the SA
 *
 * Context: process, et_dev.cfg held.
 */
void et_rx_held(struct et_sa *sa)
{
	et_hold_drain(&sa->hold, rx_held, sa);
}

/* Wait for the keys, or behind what did. Nothing of the way here is needed any more. */
static int rx_wait(struct sk_buff *skb, struct et_sa *sa)
{
	skb_orphan(skb);
	skb_scrub_packet(skb, false);
	skb->dev = sa->peer->edev->dev;
	return et_hold_put(&sa->hold, skb);
}

/*
 * Some peers send on a new SA before we can have its keys. Nothing of the
 * packet is verified: it has to come from the peer's address, and few wait.
 */
static void rx_to_spi(struct sk_buff *skb, struct et_sa *spi, struct et_net *enet)
{
	enum et_drop_reason reason = ET_DROP_SPI_RESERVED;
	struct et_source from = et_outer_source(skb);
	struct et_peer *peer = spi->peer;
	const struct et_endpoint *ep = rcu_dereference(peer->endpoint);
	struct et_sa *sa;
	int err;

	if (from.family != ep->family || !et_addr_equal(&from.addr, &ep->remote))
		goto drop;
	err = rx_wait(skb, spi);
	if (!err) {
		et_spi_kick(spi);
		return;
	}
	reason = ET_DROP_HOLD_FULL;
	if (err == -ENOSPC)
		goto drop;
	/* closed: freed by now, or an SA has taken its place */
	reason = ET_DROP_SPI_RESERVED;
	sa = et_spi_lookup(enet, spi->spi);
	if (!sa || !sa->cipher.tfm)
		goto drop;
	if (!et_hold_is_open(&sa->hold) || rx_wait(skb, sa))
		rx_to_sa(skb, sa);
	return;

drop:
	et_drop(skb, peer->edev, peer, spi, reason);
}

/* Did the packet come to the address that the peer has to use? */
static bool is_local(const struct sk_buff *skb, const struct et_endpoint *ep)
{
	bool ipv6 = ip_hdr(skb)->version == 6;

	if (ipv6_addr_any(&ep->local.v6))
		return true;
	if (ep->family != (ipv6 ? AF_INET6 : AF_INET))
		return false;
	return ipv6 ? ipv6_addr_equal(&ipv6_hdr(skb)->daddr, &ep->local.v6) :
		      ip_hdr(skb)->daddr == ep->local.v4;
}

static int receive(struct sk_buff *skb)
{
	struct et_net *enet = et_net(dev_net(skb->dev));
	struct et_sa *sa;

	sa = et_spi_lookup(enet, ((struct ip_esp_hdr *)skb->data)->spi);
	if (!sa || !is_local(skb, rcu_dereference(sa->peer->endpoint)))
		return -EINVAL;

	if (unlikely(!sa->cipher.tfm))
		rx_to_spi(skb, sa, enet);
	else if (likely(!et_hold_is_open(&sa->hold)) || rx_wait(skb, sa))
		rx_to_sa(skb, sa);
	return 0;
}

/**
 * et_rx - an ESP packet for this host has arrived
 * @skb: the packet, data at the ESP header
 *
 * Context: softirq, RCU read-side section.
 * Return: 0, it was ours and is consumed; -EINVAL, it is not and is untouched.
 */
int et_rx(struct sk_buff *skb)
{
	if (!pskb_may_pull(skb, sizeof(struct ip_esp_hdr)))
		return -EINVAL;
	skb_reset_transport_header(skb);
	return receive(skb);
}

/**
 * et_rx_in_udp - the same in UDP, whose header is just before the data
 * @skb: the packet, data at the ESP header
 */
int et_rx_in_udp(struct sk_buff *skb)
{
	int err;

	if (!pskb_may_pull(skb, sizeof(struct ip_esp_hdr)))
		return -EINVAL;
	skb_set_transport_header(skb, -(int)sizeof(struct udphdr));
	err = receive(skb);
	if (err)
		skb_reset_transport_header(skb);
	return err;
}
