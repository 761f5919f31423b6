// SPDX-License-Identifier: MIT
/* One row per message of every exchange, in the order of the article. */
#include "table.h"

#include "sa.h"

#define OTHERS (P_VENDOR | P_NOTIFY)
/* RFC 2408 section 3.10: certificates may be asked for in any message of phase 1. */
#define PHASE1 (OTHERS | P_CERTREQ)

/* clang-format off */
const struct row table[] = {

/* Phase 1, Main Mode: six messages make the control tunnel. */
{
	.version = IKE_V1, .exchange = XCHG_MAIN, .by_initiator = true,
	.from = MAIN_NONE, .to = MAIN_1, .prot = PROT_NONE, .timer = TIMER_RETRANSMIT,
	.must = P_SA, .may = PHASE1,
	.out = main1_out, .in = main1_in,
	.number = 1, .name = "Main Mode 1", .ref = "RFC 2409 section 5.4",
	.say = "The initiator offers suites for the control tunnel: how to encrypt, how to "
	       "authenticate, and with which group to agree on a key.",
},
{
	.version = IKE_V1, .exchange = XCHG_MAIN, .by_initiator = false,
	.from = MAIN_1, .to = MAIN_2, .prot = PROT_NONE, .timer = TIMER_ANSWER,
	.must = P_SA, .may = PHASE1,
	.out = main2_out, .in = main2_in,
	.number = 2, .name = "Main Mode 2", .ref = "RFC 2409 section 5.4",
	.say = "The responder chooses one of the suites. Nothing is secret so far.",
},
{
	.version = IKE_V1, .exchange = XCHG_MAIN, .by_initiator = true,
	.from = MAIN_2, .to = MAIN_3, .prot = PROT_NONE, .timer = TIMER_RETRANSMIT,
	.must = P_KE | P_NONCE, .may = PHASE1 | P_NATD,
	.prepare = main3_prepare, .out = main3_out, .in = main3_in,
	.number = 3, .name = "Main Mode 3", .ref = "RFC 2409 section 5.4",
	.say = "The initiator sends its key material: a public Diffie-Hellman value and a "
	       "nonce. The key itself never travels.",
},
{
	.version = IKE_V1, .exchange = XCHG_MAIN, .by_initiator = false,
	.from = MAIN_3, .to = MAIN_4, .prot = PROT_NONE, .timer = TIMER_ANSWER,
	.must = P_KE | P_NONCE, .may = PHASE1 | P_NATD,
	.prepare = main4_prepare, .out = main4_out, .in = main4_in,
	.number = 4, .name = "Main Mode 4", .ref = "RFC 2409 section 5.4",
	.say = "The responder sends its own. Each side combines it with what it alone "
	       "holds, and both arrive at the same keys; who overheard it all cannot.",
},
{
	.version = IKE_V1, .exchange = XCHG_MAIN, .by_initiator = true,
	.from = MAIN_4, .to = MAIN_5, .prot = PROT_HASH_I, .timer = TIMER_RETRANSMIT,
	.must = P_ID | P_HASH, .may = PHASE1,
	.prepare = main5_prepare, .out = main5_out, .in = main5_in,
	.number = 5, .name = "Main Mode 5", .ref = "RFC 2409 section 5.4",
	.say = "The first encrypted message: the initiator says who it is, and HASH_I "
	       "shows that it holds the pre-shared key and that nobody changed what went "
	       "before.",
	.say_signed = "The first encrypted message: the initiator says who it is, and signs "
		      "HASH_I, which shows that it holds the private key and that nobody "
		      "changed what went before.",
},
{
	.version = IKE_V1, .exchange = XCHG_MAIN, .by_initiator = false,
	.from = MAIN_5, .to = MAIN_6, .prot = PROT_HASH_R, .timer = TIMER_ANSWER,
	.must = P_ID | P_HASH, .may = PHASE1,
	.prepare = main6_prepare, .out = main6_out, .in = main6_in, .done = main_done,
	.number = 6, .name = "Main Mode 6", .ref = "RFC 2409 section 5.4",
	.say = "The responder shows the same with HASH_R. The control tunnel is complete, "
	       "and each side knows that the peer is the right one.",
	.say_signed = "The responder shows the same with a signature of HASH_R. The control "
		      "tunnel is complete, and each side knows that the peer is the right "
		      "one.",
},

/* Phase 2, Quick Mode: three messages inside it make a pair of ESP tunnels. */
{
	.version = IKE_V1, .exchange = XCHG_QUICK, .by_initiator = true,
	.from = QUICK_NONE, .to = QUICK_1, .prot = PROT_HASH_1, .timer = TIMER_RETRANSMIT,
	.must = P_HASH | P_SA | P_NONCE, .may = P_KE | P_ID | OTHERS | P_NATOA,
	.prepare = quick1_prepare, .out = quick1_out, .in = quick1_in,
	.number = 7, .name = "Quick Mode 1", .ref = "RFC 2409 section 5.5",
	.say = "Inside the control tunnel the initiator offers suites for the ESP tunnels, "
	       "with the SPI it wants to receive on, fresh key material, and the networks "
	       "that may talk.",
},
{
	.version = IKE_V1, .exchange = XCHG_QUICK, .by_initiator = false,
	.from = QUICK_1, .to = QUICK_2, .prot = PROT_HASH_2, .timer = TIMER_RETRANSMIT,
	.must = P_HASH | P_SA | P_NONCE, .may = P_KE | P_ID | OTHERS | P_NATOA,
	.prepare = quick2_prepare, .out = quick2_out, .in = quick2_in,
	.number = 8, .name = "Quick Mode 2", .ref = "RFC 2409 section 5.5",
	.say = "The responder chooses one and answers with its own SPI and material. Both "
	       "sides can make the ESP keys now, another set for each direction.",
},
{
	.version = IKE_V1, .exchange = XCHG_QUICK, .by_initiator = true,
	.from = QUICK_2, .to = QUICK_3, .prot = PROT_HASH_3, .timer = TIMER_ANSWER,
	.must = P_HASH, .may = OTHERS,
	.prepare = quick3_prepare, .out = quick3_out, .in = quick3_in, .done = quick_done,
	.number = 9, .name = "Quick Mode 3", .ref = "RFC 2409 section 5.5",
	.say = "The initiator confirms: it has the keys, and what came before was no "
	       "replay. From here on user traffic can flow.",
},

/* Inside the control tunnel at any time: errors, and tunnels that end. */
{
	.version = IKE_V1, .exchange = XCHG_INFO, .by_initiator = true,
	.from = INFO_NONE, .to = INFO_1, .prot = PROT_HASH_INFO, .timer = TIMER_NONE,
	.must = P_HASH, .may = P_NOTIFY | P_DELETE | P_VENDOR,
	.out = info_out, .in = info_in,
	.name = "Informational", .ref = "RFC 2409 section 5.7",
	.say = "A message about the tunnels, protected by the control tunnel; it has no "
	       "answer.",
},
};
/* clang-format on */

const size_t table_rows = sizeof(table) / sizeof(table[0]);

const struct row *table_find(uint8_t version, uint8_t exchange, bool by_initiator,
			     enum xstate from)
{
	for (size_t i = 0; i < table_rows; i++)
		if (table[i].version == version && table[i].exchange == exchange &&
		    table[i].by_initiator == by_initiator && table[i].from == from)
			return &table[i];
	return NULL;
}
