#!/bin/sh
# Runs one cmocka program. cmocka prints a skipped test as "not ok N # SKIP", which TAP readers take
# for a failure, and without a reason; this says "ok N # SKIP" with the last comment line that the
# test printed as its reason, and ends with the program's own status.
exec 4>&1
status=$({ { "$@" 3>&- 4>&-; echo $? >&3; } |
	awk '
	/^# / { why = substr($0, 3) }
	/^not ok [0-9]+ # SKIP/ { sub(/^not /, ""); $0 = $0 ": " (why ? why : "no reason given") }
	/^(not )?ok / { why = "" }
	{ print; fflush() }' >&4; } 3>&1)
exit "${status:-99}"
