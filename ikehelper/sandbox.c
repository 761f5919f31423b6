// SPDX-License-Identifier: MIT
/*
 * Capabilities, seccomp, what each process may do.
 *
 * All files are open before: opening one more is refused, a program is never started, no
 * memory becomes code, and a call that is on no list ends the process, with its number in
 * the kernel's log. Only the parent may open files, for those that it starts; to it a call
 * that is on no list does not exist.
 */
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/crypto.h"

/* What libc, OpenSSL and one socket need. */
static const int calls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(getrandom),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* To start a process, and for that to give up what it does not need. */
static const int fork_calls[] = {
	SCMP_SYS(clone),       SCMP_SYS(fork),
	SCMP_SYS(wait4),       SCMP_SYS(waitid),
	SCMP_SYS(poll),	       SCMP_SYS(getppid),
	SCMP_SYS(dup2),	       SCMP_SYS(dup3),
	SCMP_SYS(close_range), SCMP_SYS(prctl),
	SCMP_SYS(seccomp),     SCMP_SYS(capget),
	SCMP_SYS(capset),      SCMP_SYS(set_robust_list),
	SCMP_SYS(prlimit64),
};

/* What the loop needs besides: its events and its clients. */
static const int network_calls[] = {
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_ctl),  SCMP_SYS(poll),	     SCMP_SYS(ppoll),
	SCMP_SYS(accept),     SCMP_SYS(accept4),     SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(connect),
	SCMP_SYS(shutdown),   SCMP_SYS(readv),	     SCMP_SYS(timerfd_settime),
	SCMP_SYS(wait4),
};

/*
 * What the parent needs besides, to wait and to start the others: their files, sockets,
 * the kernel's netlink. A filter is for those who are forked, too.
 */
static const int parent_calls[] = {
	SCMP_SYS(open),		  SCMP_SYS(openat),
	SCMP_SYS(unlink),	  SCMP_SYS(unlinkat),
	SCMP_SYS(socketpair),	  SCMP_SYS(access),
	SCMP_SYS(faccessat),	  SCMP_SYS(faccessat2),
	SCMP_SYS(stat),		  SCMP_SYS(lstat),
	SCMP_SYS(statx),	  SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),	  SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),	  SCMP_SYS(pread64),
	SCMP_SYS(mkdir),	  SCMP_SYS(mkdirat),
	SCMP_SYS(chmod),	  SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),	  SCMP_SYS(umask),
	SCMP_SYS(socket),	  SCMP_SYS(bind),
	SCMP_SYS(listen),	  SCMP_SYS(getpeername),
	SCMP_SYS(getuid),	  SCMP_SYS(geteuid),
	SCMP_SYS(getgid),	  SCMP_SYS(getegid),
	SCMP_SYS(mmap),		  SCMP_SYS(mprotect),
	SCMP_SYS(mlock),	  SCMP_SYS(mlock2),
	SCMP_SYS(munlock),	  SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2),	  SCMP_SYS(epoll_create1),
	SCMP_SYS(timerfd_create), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),	  SCMP_SYS(set_tid_address),
	SCMP_SYS(rseq),		  SCMP_SYS(sysinfo),
	SCMP_SYS(uname),	  SCMP_SYS(kill),
	SCMP_SYS(tgkill),	  SCMP_SYS(ioctl),
	SCMP_SYS(fcntl),	  SCMP_SYS(prlimit64),
};

/* Libraries look for files that may be missing; for these calls they get an error. */
static const int refused[] = {
	SCMP_SYS(open),	  SCMP_SYS(openat), SCMP_SYS(openat2),	SCMP_SYS(access),
	SCMP_SYS(socket), SCMP_SYS(clone3), SCMP_SYS(readlink),
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

/*
 * What it needs of calls that could do more: a terminal would also take commands to type,
 * a descriptor's owner be sent signals.
 */
static const struct {
	int call;
	unsigned int arg, value;
} network_limited[] = {
	{ SCMP_SYS(ioctl), 1, FIONREAD }, { SCMP_SYS(ioctl), 1, TCGETS },
	{ SCMP_SYS(fcntl), 1, F_GETFD },  { SCMP_SYS(fcntl), 1, F_SETFD },
	{ SCMP_SYS(fcntl), 1, F_GETFL },  { SCMP_SYS(fcntl), 1, F_SETFL },
};

static int allow(scmp_filter_ctx ctx, const int *call, size_t n)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < n; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call[i], 0);
	return err;
}

static int allow_if(scmp_filter_ctx ctx, int call, struct scmp_arg_cmp arg)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, arg);
}

/* What has started opens no file, makes no memory code and signals nobody. */
static int refuse(scmp_filter_ctx ctx)
{
	struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	/* abort() signals its own process; as root it could signal every other one. */
	struct scmp_arg_cmp myself = SCMP_A0(SCMP_CMP_EQ, getpid(), 0);
	int err = 0;
	size_t i;

	for (i = 0; !err && i < N(refused); i++)
		err = seccomp_rule_add(
			ctx,
			SCMP_ACT_ERRNO(refused[i] == SCMP_SYS(clone3) ? ENOSYS : EACCES),
			refused[i], 0);
	if (!err)
		err = allow_if(ctx, SCMP_SYS(mmap), no_code);
	if (!err)
		err = allow_if(ctx, SCMP_SYS(mprotect), no_code);
	if (!err)
		err = allow_if(ctx, SCMP_SYS(tgkill), myself);
	return err;
}

static int add_rules(scmp_filter_ctx ctx, enum sandbox_role role)
{
	int err = allow(ctx, calls, N(calls));
	size_t i;

	if (!err && role != SANDBOX_PARENT)
		err = refuse(ctx);
	if (!err && (role == SANDBOX_PARENT || role == SANDBOX_NETWORK))
		err = allow(ctx, network_calls, N(network_calls));
	if (!err && (role == SANDBOX_PARENT || role == SANDBOX_GUARD))
		err = allow(ctx, fork_calls, N(fork_calls));
	if (!err && role == SANDBOX_PARENT)
		err = allow(ctx, parent_calls, N(parent_calls));
	for (i = 0; !err && role == SANDBOX_NETWORK && i < N(network_limited); i++)
		err = allow_if(ctx, network_limited[i].call,
			       SCMP_CMP(network_limited[i].arg, SCMP_CMP_MASKED_EQ,
					UINT32_MAX, network_limited[i].value));
	return err;
}

static int load_filter(enum sandbox_role role)
{
	/* The sanitizers open files and trace themselves, so their builds go without. */
#ifdef __SANITIZE_ADDRESS__
	(void)role;
	(void)add_rules;
	return -prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#else
	/* Libraries that start have other ways than a call that is not there. */
	scmp_filter_ctx ctx = seccomp_init(
		role == SANDBOX_PARENT ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_KILL_PROCESS);
	int err = ctx ? add_rules(ctx, role) : -ENOMEM;

	if (!err)
		err = seccomp_load(ctx);
	if (ctx)
		seccomp_release(ctx);
	return err;
#endif
}

/* The parent keeps what starting takes: netlink, files of others, memory that stays. */
static int drop_capabilities(enum sandbox_role role)
{
	static const int starting[] = { CAP_NET_ADMIN, CAP_DAC_OVERRIDE, CAP_IPC_LOCK };
	bool bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	size_t n = role == SANDBOX_PARENT ? N(starting) : role == SANDBOX_NETWORK ? 1 : 0;
	bool have[N(starting)];
	size_t i;

	for (i = 0; i < n; i++)
		have[i] = capng_have_capability(CAPNG_PERMITTED, starting[i]);
	capng_clear(CAPNG_SELECT_BOTH);
	for (i = 0; i < n; i++)
		if (have[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				     starting[i]);
	return capng_apply(bounds ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
}

/* OpenSSL reads its configuration and sets itself up at its first use. */
static int warm_up(void)
{
	uint8_t out[HASH_MAX], priv[64] = { 1 }, pub[DH_MAX];

	return prf(HASH_SHA256, CHUNK(priv, sizeof(priv)), NULL, 0, out) < 0 ||
			       dh_compute(DH_PUBLIC, GROUP_ECP256, CHUNK(priv, 40),
					  CHUNK(NULL, 0), pub) < 0
		       ? -1
		       : 0;
}

void sandbox_begin(void)
{
	const struct rlimit none = { 0, 0 };

	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
}

int sandbox_enter(enum sandbox_role role)
{
	int err;

	sandbox_begin();
	if (role != SANDBOX_PARENT && warm_up() < 0) {
		fprintf(stderr, "ikehelper: OpenSSL does not work here\n");
		return -1;
	}
	if (drop_capabilities(role) < 0) {
		fprintf(stderr, "ikehelper: cannot drop capabilities: %s\n",
			strerror(errno));
		return -1;
	}
	/* A change of credentials clears it. */
	if (role != SANDBOX_PARENT)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	err = load_filter(role);
	if (err)
		fprintf(stderr, "ikehelper: cannot load the seccomp filter: %s\n",
			strerror(-err));
	return err ? -1 : 0;
}
