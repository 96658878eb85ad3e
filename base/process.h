/* What /proc tells of a process that pysbx itself started or was started by. */
#ifndef PYSBX_BASE_PROCESS_H
#define PYSBX_BASE_PROCESS_H

/* When it began, in clock ticks since the boot: with its pid, its name for as long as this boot
 * lasts. 0: there is no such process. */
unsigned long long process_start_time(long pid);

#endif
