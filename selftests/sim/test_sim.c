// SPDX-License-Identifier: MIT
/*
 * The simulator: thousands of lives of two helpers, on networks from good to awful, each
 * life from one seed. SIM_RUNS says how many, SIM_SEED where to begin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define RUNS	   10000
#define RUNS_REAL  50
#define SEED	   1
#define BROKEN_MAX 10 /* lives that end badly are enough */

static uint64_t from_env(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : fallback;
}

static void lives(uint64_t runs, bool mock)
{
	uint64_t seed = from_env("SIM_SEED", SEED);
	struct sim_figures f = { 0 };
	unsigned int broken = 0;

	for (uint64_t i = 0; i < runs && broken < BROKEN_MAX; i++) {
		const char *what = sim_life(seed + i, mock, &f);

		if (!what)
			continue;
		broken++;
		print_message(
			"# %s (again with: SIM_RUNS=1 SIM_SEED=%llu make check-sim)\n",
			what, (unsigned long long)(seed + i));
	}
	assert_int_equal(broken, 0);
	print_message(
		"# %llu lives: %llu control tunnels, %llu pairs of ESP tunnels, %llu "
		"datagrams (%llu lost), %llu ESP packets, none lost that need not\n",
		(unsigned long long)runs, (unsigned long long)f.controls,
		(unsigned long long)f.pairs, (unsigned long long)f.datagrams,
		(unsigned long long)f.lost, (unsigned long long)f.esp);
	print_message("# longest time to settle %.1f s (seed %llu), most datagrams %llu "
		      "(seed %llu), most SAs of one side %llu\n",
		      f.settle_ms / 1000.0, (unsigned long long)f.settle_seed,
		      (unsigned long long)f.most_datagrams,
		      (unsigned long long)f.most_seed, (unsigned long long)f.most_sas);
	print_message(
		"# %llu ends of life reached for want of answers, %llu NATs started "
		"anew, %llu forged datagrams without effect\n",
		(unsigned long long)f.hard_ends, (unsigned long long)f.nat_reboots,
		(unsigned long long)f.forged);
	print_message(
		"# %llu deaths, %llu pairs given up with their peer, and all back without help\n",
		(unsigned long long)f.deaths, (unsigned long long)f.given_up);
}

static void with_mock_keys(void **state)
{
	(void)state;
	lives(from_env("SIM_RUNS", RUNS), true);
}

static void with_real_keys(void **state)
{
	(void)state;
	lives(from_env("SIM_RUNS", RUNS) < RUNS_REAL ? from_env("SIM_RUNS", RUNS)
						     : RUNS_REAL,
	      false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_mock_keys),
		cmocka_unit_test(with_real_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
