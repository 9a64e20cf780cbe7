/* The peers that the load generators speak for: who announces what from where.
 *
 * A population is fixed before the load begins. Each of its peers belongs to one torrent, drawn from a Zipf distribution
 * (weight 1/rank^skew), and announces as often as any other, so the popularity of a torrent and the size of its swarm go
 * together, as they do in the wild, and a longer or faster run does not grow the swarms.
 * Everything follows from the arguments: two runs with the same arguments send the same requests. */
#ifndef POPULATION_H
#define POPULATION_H

#include "common.h"
#include <math.h>

enum { EVENT_NONE, EVENT_COMPLETED, EVENT_STARTED, EVENT_STOPPED };

struct peer {
    uint32_t torrent;
    uint32_t source; /* which of the source addresses it announces from */
    uint16_t port;
    uint8_t seeder;
};

static inline void info_hash(uint32_t torrent, uint8_t out[20])
{
    uint64_t state = 0x6f70656e00000000u ^ torrent, word[3];
    for (int i = 0; i < 3; i++)
        word[i] = splitmix(&state);
    memcpy(out, word, 20);
}

enum { MEMBER_PORTS = 64000, LATE_PORTS = 512 }; /* 1024 to 65023, 65024 to 65535 */

/* The k-th peer of a swarm has a port of its own until 64,000 are used: 40503 and 64000 have no common factor. */
static inline uint16_t port_of_member(uint32_t k)
{
    return (uint16_t)(1024 + (uint64_t)k * 40503 % MEMBER_PORTS);
}

/* A port that no member above has, and no other late peer of the same source, for 512 times as many peers as sources. */
static inline uint16_t port_of_late_peer(uint32_t peer, uint32_t sources)
{
    return (uint16_t)(1024 + MEMBER_PORTS + peer / sources % LATE_PORTS);
}

/* Peers in random order; the peers of a torrent differ from each other, a third of them are seeders. */
static inline struct peer *make_population(uint32_t peers, uint32_t torrents, double skew, uint32_t sources, uint64_t seed)
{
    double *cumulated = allocate(torrents, sizeof *cumulated), sum = 0;
    uint32_t *members = allocate(torrents, sizeof *members);
    struct peer *population = allocate(peers, sizeof *population);

    for (uint32_t t = 0; t < torrents; t++)
        cumulated[t] = sum += pow(t + 1, -skew);
    for (uint32_t p = 0; p < peers; p++) {
        double mark = (double)(splitmix(&seed) >> 11) * 0x1p-53 * sum;
        uint32_t low = 0, high = torrents - 1;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (cumulated[middle] > mark)
                high = middle;
            else
                low = middle + 1;
        }
        population[p].torrent = low;
        population[p].source = p % sources;
        population[p].port = members[low] < MEMBER_PORTS ? port_of_member(members[low]) : port_of_late_peer(p, sources);
        members[low]++;
        population[p].seeder = p % 3 == 0;
    }
    free(cumulated);
    free(members);
    return population;
}
#endif
