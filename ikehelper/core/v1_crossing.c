// SPDX-License-Identifier: MIT
/* Two phase 2s for the same child that cross: which one goes on. */
#include "sa.h"

/* Our phase 2 for the same child, if one is under way. */
static struct exchange *own_quick(const struct exchange *x)
{
	for (struct ike_sa *sa = x->sa->peer->sas; sa; sa = sa->next)
		for (struct exchange *own = sa->exchanges; own; own = own->next)
			if (own->type == XCHG_QUICK && own->initiator && !own->over &&
			    !sa->dead && own->quick->child == x->quick->child)
				return own;
	return NULL;
}

/*
 * Two phase 2s that cross: one of them goes on, and both sides have to choose the same.
 * Ours does once it is answered, and not before it is sent; that in the newer control
 * tunnel, unless these crossed too; the higher message ID.
 */
static bool goes_first(const struct exchange *own, const struct exchange *x)
{
	uint64_t a = own->sa->since, b = x->sa->since;

	if (own->state != QUICK_1)
		return own->state > QUICK_1;
	if ((a > b ? a - b : b - a) >= CROSSING_MS)
		return a > b;
	return own->message_id > x->message_id;
}

bool quick_gives_way(struct exchange *x)
{
	struct exchange *own = own_quick(x);

	if (!own)
		return false;
	if (goes_first(own, x)) {
		trace_note(x->sa, "Both sides begin phase 2 at once: ours goes on.");
		return true;
	}
	trace_note(x->sa, "Both sides begin phase 2 at once: the peer's goes on.");
	exchange_yield(own);
	return false;
}
