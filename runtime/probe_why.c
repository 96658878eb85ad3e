/*
 * Why a host refuses namespaces and mounts, and the command that ends it. The reasons are looked
 * for in the order in which they are likely to be the one.
 *
 * Sources: user_namespaces(7), mount_namespaces(7); Debian's kernel.unprivileged_userns_clone;
 * Ubuntu's kernel.apparmor_restrict_unprivileged_userns (23.10); the default seccomp profiles of
 * Docker and podman.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/caps.h"
#include "runtime/ids.h"
#include "runtime/probe_internal.h"

long probe_sysctl(const char *path, long missing)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = {0};

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return missing;
	return strtol(text, NULL, 10);
}

bool probe_in_container(void)
{
	return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0 ||
	       getenv("KUBERNETES_SERVICE_HOST") || getenv("container");
}

/* True if a sysctl is what refuses; the remedy is then set. */
static bool explain_sysctl(struct probe_check *check)
{
	if (probe_sysctl("/proc/sys/user/max_user_namespaces", 1) == 0) {
		probe_remedy(check,
			"sudo sysctl -w user.max_user_namespaces=15000 (to stay: a line "
			"in /etc/sysctl.d/99-pysbx.conf); inside another sandbox or "
			"container it can only be set from outside");
		return true;
	}
	if (caps_has_setuid())
		return false;
	if (probe_sysctl("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0) {
		probe_remedy(check, "sudo sysctl -w kernel.unprivileged_userns_clone=1 (Debian; to "
				    "stay: a line in /etc/sysctl.d/99-pysbx.conf)");
		return true;
	}
	if (probe_sysctl("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) == 1) {
		probe_remedy(check,
			"sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu "
			"23.10 and later; to stay: a line in /etc/sysctl.d/99-pysbx.conf)");
		return true;
	}
	return false;
}

/* Root of a namespace that has no id to lend: the run's own choice says what to do. */
static bool explain_ids(struct probe_check *check)
{
	struct err err = {0};
	struct ids ids;

	if (ids_choose((unsigned)getpid(), &ids, &err) == 0)
		return false;
	probe_remedy(check, "%s", err.remedy);
	return true;
}

void probe_explain_userns(struct probe_check *check, int error)
{
	if (explain_sysctl(check) || explain_ids(check))
		return;
	if (error == EINVAL || error == ENOSYS) {
		probe_remedy(check, "a kernel of 5.12 or later with this namespace built in "
				    "(CONFIG_USER_NS and its like); in a container, an engine that "
				    "does not filter clone3");
		return;
	}
	if (error == ENOSPC || error == EUSERS) {
		probe_remedy(check, "too many namespaces are in use, or nested too deep: raise the "
				    "user.max_*_namespaces sysctls");
		return;
	}
	if (probe_in_container() || error == EPERM || error == EACCES)
		probe_remedy(check, "inside a container: start it with --security-opt "
				    "seccomp=unconfined --security-opt apparmor=unconfined, or run "
				    "pysbx outside; with SELinux look at `ausearch -m avc`");
}

void probe_explain_mount(struct probe_check *check, int error)
{
	if (explain_sysctl(check))
		return;
	if (check->name && !strcmp(check->name, "proc") && (error == EPERM || error == EINVAL)) {
		probe_remedy(check, error == EPERM ? "part of this /proc is covered (a container's "
						     "masks): start the container with "
						     "--security-opt systempaths=unconfined"
						   : "a kernel of 5.8 or later");
		return;
	}
	if (error == ENOSYS || error == EINVAL) {
		probe_remedy(check, "a kernel of 5.12 or later");
		return;
	}
	if (probe_in_container() || error == EPERM || error == EACCES)
		probe_remedy(check,
			"a security module or a container's profile refuses mounts in a "
			"user namespace: in a container --security-opt "
			"apparmor=unconfined --security-opt seccomp=unconfined");
}
