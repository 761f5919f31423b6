/* SPDX-License-Identifier: GPL-2.0-only */
/* every reason to drop a packet, once (X-macro); the one function that drops */
#ifndef ET_DROP_H
#define ET_DROP_H

#include <linux/atomic.h>
#include <linux/skbuff.h>

struct et_dev;
struct et_peer;
struct et_sa;

/*
 * X(reason, its name for people, what the link counts it as, the kernel's reason)
 *
 * The names are interface: tests and documentation use them.
 */
#define ET_DROP_REASONS(X)                                                    \
	/* out, before there is an SA */                                      \
	X(INNER_PROTOCOL, "inner-protocol", DROPPED, INVALID_PROTO)           \
	X(MALFORMED_OUT, "malformed-out", ERROR, IP_INHDR)                    \
	X(NO_PEER, "no-peer", DROPPED, IP_OUTNOROUTES)                        \
	X(SELECTOR_OUT, "selector-out", DROPPED, XFRM_POLICY)                 \
	X(NO_SA, "no-sa", DROPPED, XFRM_POLICY)                               \
	/* out */                                                             \
	X(NO_ROUTE, "no-route", ERROR, IP_OUTNOROUTES)                        \
	X(ROUTE_LOOP, "route-loop", ERROR, IP_OUTNOROUTES)                    \
	X(TOO_BIG, "too-big", DROPPED, PKT_TOO_BIG)                           \
	X(GSO, "gso-failed", ERROR, SKB_GSO_SEG)                              \
	X(CHECKSUM, "checksum-failed", ERROR, SKB_CSUM)                       \
	/* out and in */                                                      \
	X(SA_EXPIRED, "sa-expired", DROPPED, XFRM_POLICY)                     \
	X(CRYPTO_BUSY, "crypto-busy", DROPPED, NOMEM)                         \
	X(CRYPTO_ERROR, "crypto-error", ERROR, NOT_SPECIFIED)                 \
	X(NO_MEMORY, "no-memory", DROPPED, NOMEM)                             \
	/* out and in, while they wait for an SA */                            \
	X(HOLD_FULL, "hold-full", DROPPED, XFRM_POLICY)                       \
	X(HOLD_TIMEOUT, "hold-timeout", DROPPED, XFRM_POLICY)                 \
	/* in, before decryption */                                           \
	X(LINK_DOWN, "link-down", DROPPED, DEV_READY)                         \
	X(SPI_RESERVED, "spi-reserved", DROPPED, XFRM_POLICY)                 \
	X(MALFORMED_ESP, "malformed-esp", ERROR, HDR_TRUNC)                   \
	X(REPLAY_DUPLICATE, "replay-duplicate", DROPPED, XFRM_POLICY)         \
	X(REPLAY_LATE, "replay-late", DROPPED, XFRM_POLICY)                   \
	/* in, after it */                                                    \
	X(BAD_ICV, "bad-icv", ERROR, XFRM_POLICY)                             \
	X(BAD_PADDING, "bad-padding", ERROR, XFRM_POLICY)                     \
	X(DUMMY, "dummy", QUIET, NOT_SPECIFIED)                               \
	X(NEXT_HEADER, "next-header", ERROR, IP_NOPROTO)                      \
	X(MALFORMED_INNER, "malformed-inner", ERROR, IP_INHDR)                \
	X(SELECTOR_IN, "selector-in", ERROR, XFRM_POLICY)                     \
	X(ECN, "ecn", ERROR, IP_INHDR)                                        \
	/* out, and nothing is wrong: what a link says of itself to its neighbours */ \
	X(LINK_LOCAL, "link-local", QUIET, IP_OUTNOROUTES)

#define ET_DROP_ENUM(reason, name, link, core) ET_DROP_##reason,
enum et_drop_reason {
	ET_DROP_REASONS(ET_DROP_ENUM)
	ET_DROP_MAX
};

/* How often each was given: by an SA, by a peer, by a device. */
struct et_drops {
	atomic_long_t count[ET_DROP_MAX];
};

const char *et_drop_name(enum et_drop_reason reason);
void et_drop(struct sk_buff *skb, struct et_dev *edev, struct et_peer *peer, struct et_sa *sa,
	     enum et_drop_reason reason);
void et_drop_list(struct sk_buff_head *list, struct et_peer *peer, struct et_sa *sa,
		  enum et_drop_reason reason);

#endif
