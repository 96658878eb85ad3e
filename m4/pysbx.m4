# Probes for flags. A compiler may accept an unknown flag with a warning only, so every probe runs
# with -Werror; and a compiler flag may need the linker's help (a missing libasan), so both are asked.

# PYSBX_FLAG_KNOWN(CFLAGS, LDFLAGS, IF-KNOWN, [IF-UNKNOWN])
AC_DEFUN([PYSBX_FLAG_KNOWN], [
	AS_VAR_PUSHDEF([cache], [pysbx_cv_flag_$1_$2])
	AC_CACHE_CHECK([whether $CC accepts $1 $2], [cache], [
		pysbx_save_CFLAGS=$CFLAGS pysbx_save_LDFLAGS=$LDFLAGS
		CFLAGS="$CFLAGS -Werror $1" LDFLAGS="$LDFLAGS $2"
		AC_LINK_IFELSE([AC_LANG_SOURCE([
			#include <stdio.h>
			int main(int argc, char **argv)
			{
				char text@<:@64@:>@;
				snprintf(text, sizeof(text), "%s", argv@<:@argc - 1@:>@);
				return text@<:@0@:>@ == 0;
			}])],
			[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
		CFLAGS=$pysbx_save_CFLAGS LDFLAGS=$pysbx_save_LDFLAGS
	])
	AS_VAR_IF([cache], [yes], [$3], [$4])
	AS_VAR_POPDEF([cache])
])

# PYSBX_ADD_CFLAGS(VARIABLE, FLAGS): appends each flag the compiler knows.
AC_DEFUN([PYSBX_ADD_CFLAGS], [
	m4_foreach_w([flag], [$2],
		[PYSBX_FLAG_KNOWN(m4_defn([flag]), [], [AS_VAR_APPEND([$1], [" ]m4_defn([flag])["])])])
])

# PYSBX_ADD_LDFLAGS(VARIABLE, FLAGS): the same for the linker.
AC_DEFUN([PYSBX_ADD_LDFLAGS], [
	m4_foreach_w([flag], [$2],
		[PYSBX_FLAG_KNOWN([], m4_defn([flag]), [AS_VAR_APPEND([$1], [" ]m4_defn([flag])["])])])
])
