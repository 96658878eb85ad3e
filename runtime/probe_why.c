/*
 * Why a host refuses namespaces and mounts, and the command that ends it. The reasons are looked
 * for in the order in which they are likely to be the one.
 *
 * Sources: user_namespaces(7), mount_namespaces(7); Debian's kernel.unprivileged_userns_clone;
 * Ubuntu's kernel.apparmor_restrict_unprivileged_userns (23.10), and the profiles that allow
 * programs by name what it forbids (apparmor.d(5), userns); the default seccomp profiles of Docker
 * and podman.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/caps.h"
#include "runtime/ids.h"
#include "runtime/probe_internal.h"

#define RESTRICT "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
#define PROFILE  PYSBX_PKGDATADIR "/apparmor/pysbx" /* packaging/apparmor, as it was installed */

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

static bool is_there(const char *root, const char *path)
{
	char full[PATH_MAX];

	return snprintf(full, sizeof(full), "%s%s", root, path) < (int)sizeof(full) &&
	       access(full, F_OK) == 0;
}

bool probe_explain_apparmor(const char *root, const char *self, struct probe_check *check)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", root, RESTRICT);
	if (probe_sysctl(path, 0) != 1)
		return false;
	/* The profile goes by the program's path, and needs a parser that knows its rule. */
	if (!strcmp(self, PYSBX_BINDIR "/pysbx") && is_there(root, PROFILE) &&
		is_there(root, "/etc/apparmor.d/abi/4.0")) {
		probe_remedy(check, "sudo cp " PROFILE " /etc/apparmor.d/pysbx && sudo "
				    "apparmor_parser -r /etc/apparmor.d/pysbx (it allows user "
				    "namespaces to pysbx alone)");
		return true;
	}
	probe_remedy(check, "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu "
			    "23.10 and later; to stay: a line in /etc/sysctl.d/99-pysbx.conf)");
	return true;
}

static bool explain_apparmor(struct probe_check *check)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len < 0 ? 0 : len] = '\0';
	return probe_explain_apparmor("", self, check);
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
	return explain_apparmor(check);
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
