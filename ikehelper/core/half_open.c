// SPDX-License-Identifier: MIT
/* Negotiations that others began, and that anybody may have: so many, and no more. */
#include "sa.h"

/*
 * May a peer begin one more negotiation? One whose cookie has not been echoed makes room,
 * since anybody may have sent it: the oldest of this address, or of all when all together
 * are too many. The oldest has had the most time to echo: to keep the peer itself out,
 * HALF_OPEN_PEER forged packets have to come in each round trip. Were the new ones refused
 * instead, as many in HALF_OPEN_MS would do; and were any one chosen, the peer's own would
 * be hit by less. Whose cookie was echoed makes room for nobody.
 */
bool half_open_room(struct peer *peer)
{
	struct ike_sa *here_oldest = NULL, *oldest = NULL;
	size_t all = 0, here = 0;

	for (struct peer *p = peer->ike->peers; p; p = p->next) {
		for (struct ike_sa *sa = p->sas; sa; sa = sa->next) {
			if (sa->dead || sa->established || sa->initiator)
				continue;
			all++;
			here += p == peer;
			if (sa->exchanges->state > MAIN_2)
				continue;
			if (!oldest || sa->negotiation < oldest->negotiation)
				oldest = sa;
			/* The newest comes first. */
			if (p == peer)
				here_oldest = sa;
		}
	}
	if (here >= HALF_OPEN_PEER)
		oldest = here_oldest;
	else if (all < HALF_OPEN_MAX)
		return true;
	if (oldest)
		oldest->dead = true;
	return oldest;
}
