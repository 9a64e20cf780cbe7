/* Latencies in nanoseconds, in buckets 1/128 wide (relative), as HdrHistogram has them. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SUB_BITS = 7, BUCKETS = (64 - SUB_BITS + 1) << SUB_BITS };

struct histogram {
    uint64_t count, sum, max;
    uint64_t bucket[BUCKETS];
};

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
    int shift = 63 - __builtin_clzll(ns | 1) - SUB_BITS;
    h->bucket[shift < 0 ? ns : ((uint64_t)shift << SUB_BITS) + (ns >> shift)]++;
    h->count++;
    h->sum += ns;
    if (ns > h->max)
        h->max = ns;
}

/* The upper edge of the bucket that holds the q-th quantile, in microseconds. */
static inline double histogram_us(const struct histogram *h, double q)
{
    uint64_t rank = (uint64_t)(q * (double)h->count), seen = 0, b = 0;
    while (b < BUCKETS - 1 && (seen += h->bucket[b]) <= rank)
        b++;
    uint64_t shift = b >> SUB_BITS > 1 ? (b >> SUB_BITS) - 1 : 0;
    uint64_t edge = (b - (shift << SUB_BITS) + 1) << shift;
    return (double)(edge < h->max ? edge : h->max) / 1e3;
}

static inline void histogram_print(const struct histogram *h)
{
    printf("\"latency_us\":{\"mean\":%.1f,\"p50\":%.1f,\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f}",
           h->count ? (double)h->sum / (double)h->count / 1e3 : 0.0, histogram_us(h, .5), histogram_us(h, .99),
           histogram_us(h, .999), (double)h->max / 1e3);
}
#endif
