/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What esp.c, replay.c and select.c need of their surroundings: the kernel's
 * own headers there, a few lines in their place in userspace, where the same
 * files are unit-tested and fuzzed.
 */
#ifndef ET_PURE_H
#define ET_PURE_H

#ifdef __KERNEL__

#include "compat.h"

#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <net/ip.h>

/* The object has a struct rcu_head named rcu. */
#define et_free_rcu(p) kfree_rcu(p, rcu)

#else

#include <errno.h>
#include <netinet/in.h>
/* behind netinet/in.h, whose struct in6_addr it takes then */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define U32_MAX	  UINT32_MAX
#define IP_OFFSET 0x1fff

#define __rcu
#define GFP_KERNEL 0
struct rcu_head {
	void *unused;
};

#define READ_ONCE(x)			(x)
#define WRITE_ONCE(x, v)		((x) = (v))
#define rcu_dereference(p)		(p)
#define rcu_dereference_protected(p, c) ((void)(c), (p))
#define rcu_assign_pointer(p, v)	((p) = (v))
#define RCU_INIT_POINTER(p, v)		((p) = (v))
#define kzalloc(size, gfp)		((void)(gfp), calloc(1, size))
#define et_free_rcu(p)			free(p)

#define min(a, b)                              \
	({                                     \
		__typeof__(a) min_a = (a);     \
		__typeof__(b) min_b = (b);     \
		min_a < min_b ? min_a : min_b; \
	})
#define fls(x) ((x) ? 32 - __builtin_clz(x) : 0)

static inline u32 ALIGN_DOWN(u32 x, u32 a)
{
	return x / a * a;
}

static inline u32 ALIGN(u32 x, u32 a)
{
	return ALIGN_DOWN(x + a - 1, a);
}

static inline u16 get_unaligned_be16(const void *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return ntohs(v);
}

static inline void put_unaligned_be32(u32 v, void *p)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_unaligned_be64(u64 v, void *p)
{
	put_unaligned_be32(v >> 32, p);
	put_unaligned_be32(v, (u8 *)p + 4);
}

#endif
#endif
