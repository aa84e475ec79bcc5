// Loaded into a process (LD_PRELOAD), it sets that process's wall clock, and no other, off by
// WRONG_CLOCK_SECONDS; with WRONG_CLOCK_STEPS_EVERY, forward and back in turn, each so many seconds. Time since
// boot, which only measures spans, stays as it is.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec* to) {
    long failed = syscall(SYS_clock_gettime, which, to);
    char const* off_by = getenv("WRONG_CLOCK_SECONDS");
    char const* steps_every = getenv("WRONG_CLOCK_STEPS_EVERY");
    if (!failed && which == CLOCK_REALTIME && off_by) {
        int is_back = steps_every && to->tv_sec / atol(steps_every) % 2;
        to->tv_sec += is_back ? -atol(off_by) : atol(off_by);
    }
    return (int)failed;
}
