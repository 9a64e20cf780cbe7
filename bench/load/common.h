/* What both load generators need: time, random numbers, memory, and what the server's process has used. */
#ifndef COMMON_H
#define COMMON_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(2);
}

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t splitmix(uint64_t *state) /* Steele, Lea and Flood 2014 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint32_t below(uint64_t *state, uint32_t n) /* uniform in 0..n-1, bias under 2^-32 n */
{
    return (uint32_t)((splitmix(state) >> 32) * n >> 32);
}

static inline void *allocate(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size);
    if (!block)
        die("out of memory");
    return block;
}

static inline double clock_of(int pid) /* seconds of all threads of a process, to the nanosecond */
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
        die("no process %d", pid);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double resident_of(int pid) /* KiB */
{
    char line[256];
    double kib = 0;
    snprintf(line, sizeof line, "/proc/%d/status", pid);
    FILE *file = fopen(line, "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "VmRSS:", 6))
            kib = atof(line + 6);
    if (file)
        fclose(file);
    return kib;
}

/* The sum of a figure over a server's process and its children, which are its workers; 0 without a process. */
static inline double summed(int pid, double (*figure)(int))
{
    char name[64];
    double sum = pid ? figure(pid) : 0;
    snprintf(name, sizeof name, "/proc/%d/task/%d/children", pid, pid);
    FILE *file = pid ? fopen(name, "r") : NULL;
    for (int child; file && fscanf(file, "%d", &child) == 1;)
        sum += figure(child);
    if (file)
        fclose(file);
    return sum;
}

static inline double cpu_seconds(int pid)
{
    return summed(pid, clock_of);
}

static inline long rss_kib(int pid)
{
    return (long)summed(pid, resident_of);
}
#endif
