/* Capabilities: all sets empty, securebits locked, no_new_privs. The only file with libcap in it.
 */
#include <errno.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "runtime/box.h"
#include "runtime/caps.h"

#define LOCKED_SECUREBITS                                                                          \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |                           \
		SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |                          \
		SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

void *caps_make_empty(void)
{
	return cap_init();
}

void caps_free(void *caps)
{
	if (caps)
		cap_free(caps);
}

bool caps_has_setuid(void)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t uid = CAP_CLEAR, gid = CAP_CLEAR;

	if (!caps)
		return false;
	cap_get_flag(caps, CAP_SETUID, CAP_EFFECTIVE, &uid);
	cap_get_flag(caps, CAP_SETGID, CAP_EFFECTIVE, &gid);
	cap_free(caps);
	return uid == CAP_SET && gid == CAP_SET;
}

int step_drop_caps(struct box *box)
{
	cap_value_t cap;

	/* The bounding set and securebits first: both need CAP_SETPCAP. */
	for (cap = 0; prctl(PR_CAPBSET_DROP, cap) == 0; cap++)
		;
	/* Past the last capability of the kernel it is EINVAL. */
	if (errno != EINVAL || cap == 0)
		return box_fail_at(box, "bounding set");
	if (prctl(PR_SET_SECUREBITS, LOCKED_SECUREBITS) < 0)
		return box_fail_at(box, "securebits");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return box_fail_at(box, "ambient set");
	if (cap_set_proc(box->no_caps) < 0)
		return box_fail_at(box, "capset");
	return 0;
}

int step_no_new_privs(struct box *box)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	box->layers |= RT_LAYER_BIT(RT_LAYER_NNP);
	return 0;
}

int caps_drop_held(struct box *box)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t setpcap = CAP_CLEAR;

	if (!caps)
		return box_fail_at(box, "capget");
	cap_get_flag(caps, CAP_SETPCAP, CAP_EFFECTIVE, &setpcap);
	cap_free(caps);
	if (setpcap == CAP_SET)
		return step_drop_caps(box);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return box_fail_at(box, "ambient set");
	return cap_set_proc(box->no_caps) < 0 ? box_fail_at(box, "capset") : 0;
}

bool caps_hold_none(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	int cap;

	if (capget(&header, data) < 0)
		return false;
	for (cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
			return false;
	return !(data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective |
		 data[1].permitted | data[1].inheritable);
}

bool caps_are_empty(void)
{
	int cap, in_bounding_set;

	if (!caps_hold_none())
		return false;
	for (cap = 0; (in_bounding_set = prctl(PR_CAPBSET_READ, cap)) >= 0; cap++)
		if (in_bounding_set)
			return false;
	return cap && prctl(PR_GET_SECUREBITS) == LOCKED_SECUREBITS;
}
