// Loaded into a process (LD_PRELOAD), it sets that process's wall clock, and no other, off by
// WRONG_CLOCK_SECONDS. Time since boot, which only measures spans, stays as it is.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec* to) {
    long failed = syscall(SYS_clock_gettime, which, to);
    char const* off_by = getenv("WRONG_CLOCK_SECONDS");
    if (!failed && which == CLOCK_REALTIME && off_by) to->tv_sec += atol(off_by);
    return (int)failed;
}
