/* SPDX-License-Identifier: GPL-2.0-only */
/* the tracepoint of a dropped packet */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM esptun

#if !defined(ET_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ET_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(esptun_drop,

	TP_PROTO(const struct sk_buff *skb, const char *dev, u32 peer, u32 spi,
		 const char *reason),

	TP_ARGS(skb, dev, peer, spi, reason),

	TP_STRUCT__entry(
		__field(const void *, skbaddr)
		__field(u32, len)
		__array(char, dev, IFNAMSIZ)
		__field(u32, peer)
		__field(u32, spi)
		__field(const char *, reason)
	),

	TP_fast_assign(
		__entry->skbaddr = skb;
		__entry->len = skb->len;
		strscpy(__entry->dev, dev, IFNAMSIZ);
		__entry->peer = peer;
		__entry->spi = spi;
		__entry->reason = reason;
	),

	TP_printk("dev=%s peer=%u spi=%08x len=%u skbaddr=%p reason=%s", __entry->dev,
		  __entry->peer, __entry->spi, __entry->len, __entry->skbaddr, __entry->reason)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
