/* UDP load for BitTorrent trackers (BEP 15): one thread, one socket, a closed loop with a window of outstanding requests.
 *
 * It polls with recvmmsg and does not sleep (but for some microseconds where it is paced by --rate), so that the server
 * does not pay for waking it up, and answers what came in with one sendmmsg. Give it a core of its own. The result is one
 * line of JSON on standard output. */
#define _GNU_SOURCE
#include "histogram.h"
#include "population.h"
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TIMEOUT_MS /* a test on a busy machine waits longer */
#define TIMEOUT_MS 1000
#endif

enum { CONNECT, ANNOUNCE, SCRAPE, ERROR, KINDS = ERROR };
enum phase { PREFILL, MIX, FILL, VERIFY };
enum { PERCENT = 100 };
enum {
    BATCH = 64,
    MAX_PACKET = 2048,
    MAX_SCRAPED = 74,
    MAX_TRIES = 8,
    SILENCE = 5, /* timeouts: a server that answers nothing for so long is gone */
    PACED_NAP_NS = 20000, /* leaves a core that is shared, or that realtime would lock up, some air */
    SWEEP_NS = 10000000, /* how often unanswered requests are looked for */
};
static const uint64_t MAGIC = 0x41727101980;

struct options {
    const char *command, *host, *port, *source;
    uint32_t weight[KINDS], torrents, peers, sources, window, numwant, hashes, timeout_ms, newcomers;
    double skew, seconds, warmup, rate, id_seconds;
    uint64_t requests, seed;
    int pid;
    bool in_turn;
};

struct request {
    uint8_t kind, event, seeder;
    uint16_t port;
    uint32_t source, torrent;
};

struct slot { /* an outstanding request; its index is the low half of the transaction id */
    struct request request;
    uint64_t sent;
    uint32_t transaction;
    uint8_t tries;
    bool active, connecting, fresh; /* connecting: its source needed a connection id first; fresh: the id was fetched for it */
};

struct counters {
    uint64_t answers[KINDS], peers, bytes, late, malformed, mismatches, refusals, timeouts, abandoned, refused, over_numwant, wrong;
    struct histogram latency;
};

struct load {
    struct options *o;
    int socket;
    unsigned stride; /* bytes of a peer in an answer */
    struct sockaddr_storage server;
    socklen_t server_length;
    struct sockaddr_storage source;
    struct peer *population;
    uint32_t *expected; /* peers of each torrent, for VERIFY */
    uint32_t newcomers; /* that have come so far */
    uint64_t turn;      /* of the population, for --in-turn */
    uint64_t *id, *id_time; /* of each source: connection id and when it came, 0 for never */
    struct slot *slots;
    uint32_t *idle, idle_count;
    enum phase phase;
    uint64_t random, heard, issued, phase_start, phase_requests;
    uint16_t generation;
    bool measuring;
    struct counters c;
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_vector[BATCH], out_vector[BATCH];
    uint8_t in_packet[BATCH][MAX_PACKET], out_packet[BATCH][MAX_PACKET];
    _Alignas(struct cmsghdr) uint8_t control[BATCH][CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void put32(uint8_t *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, 4);
}

static void put64(uint8_t *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, 8);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return be32toh(v);
}

/* ---- requests ---- */

/* A peer that nobody has announced yet, in a torrent drawn as those of the population were. */
static void draw_newcomer(struct load *l, struct request *r)
{
    const struct options *o = l->o;
    uint32_t number = o->peers + l->newcomers++;
    r->torrent = l->population[below(&l->random, o->peers)].torrent;
    r->source = number % o->sources;
    r->port = port_of_late_peer(number, o->sources);
    r->seeder = number % 3 == 0;
}

/* A request of the mix: its kind by weight, its peer at random or in turn. */
static void draw_request(struct load *l, struct request *r)
{
    const struct options *o = l->o;
    const struct peer *peer = &l->population[o->in_turn ? l->turn++ % o->peers : below(&l->random, o->peers)];
    uint32_t mark = below(&l->random, o->weight[CONNECT] + o->weight[ANNOUNCE] + o->weight[SCRAPE]);
    r->torrent = peer->torrent, r->source = peer->source, r->port = peer->port, r->seeder = peer->seeder;
    r->event = EVENT_NONE;
    r->kind = mark < o->weight[CONNECT] ? CONNECT : mark < o->weight[CONNECT] + o->weight[ANNOUNCE] ? ANNOUNCE : SCRAPE;
    if (r->kind == ANNOUNCE && o->newcomers && below(&l->random, PERCENT) < o->newcomers) {
        r->event = EVENT_STARTED;
        draw_newcomer(l, r);
    }
}

/* What to ask next, or false where this phase has nothing more to ask. */
static bool next_request(struct load *l, struct request *r)
{
    const struct options *o = l->o;
    uint64_t i = l->issued;
    if (i >= l->phase_requests)
        return false;
    *r = (struct request){.kind = ANNOUNCE, .event = EVENT_STARTED};
    if (l->phase == FILL) { /* one peer for every torrent, then the next: swarms grow side by side, as they do in the wild */
        r->torrent = (uint32_t)(i % o->torrents);
        r->source = (uint32_t)(i % o->sources);
        r->port = port_of_member((uint32_t)(i / o->torrents));
    } else if (l->phase == VERIFY) {
        r->kind = SCRAPE;
        r->torrent = (uint32_t)i;
    } else if (l->phase == PREFILL) {
        const struct peer *peer = &l->population[i];
        r->torrent = peer->torrent, r->source = peer->source, r->port = peer->port, r->seeder = peer->seeder;
    } else
        draw_request(l, r);
    l->issued++;
    return true;
}

/* Writes the packet of a slot, a connect where its source has no fresh connection id; returns its length. */
static size_t write_packet(struct load *l, struct slot *s, uint8_t *p, uint64_t now)
{
    const struct request *r = &s->request;
    uint64_t got = l->id_time[r->source];
    bool stale = l->o->id_seconds > 0 ? (double)(now - got) > l->o->id_seconds * 1e9 : !s->fresh;
    s->connecting = r->kind != CONNECT && (!got || stale);
    s->transaction = (uint32_t)++l->generation << 16 | (uint32_t)(s - l->slots);
    put32(p + 12, s->transaction);
    if (s->connecting || r->kind == CONNECT) {
        put64(p, MAGIC);
        put32(p + 8, CONNECT);
        return 16;
    }
    memcpy(p, &l->id[r->source], 8);
    put32(p + 8, r->kind);
    info_hash(r->torrent, p + 16);
    if (r->kind == SCRAPE) {
        uint32_t hashes = l->phase == VERIFY ? 1 : l->o->hashes;
        for (uint32_t i = 1; i < hashes; i++)
            info_hash(l->population[below(&l->random, l->o->peers)].torrent, p + 16 + 20 * i);
        return 16 + 20 * hashes;
    }
    memset(p + 36, 0, 62);
    memcpy(p + 36, "-BE0001-", 8); /* peer_id */
    put32(p + 44, r->source);
    put32(p + 48, r->port);
    put64(p + 64, r->seeder ? 0 : 1 << 20); /* left */
    put32(p + 80, r->event);
    put32(p + 92, l->o->numwant);
    p[96] = (uint8_t)(r->port >> 8);
    p[97] = (uint8_t)r->port;
    return 98;
}

/* ---- sending ---- */

/* Lets the kernel send the n-th packet from one of many local addresses: the base address plus `source`. */
static void choose_source(struct load *l, unsigned n, uint32_t source)
{
    struct cmsghdr *c = (struct cmsghdr *)(void *)l->control[n];
    if (l->server.ss_family == AF_INET) {
        struct in_pktinfo info = {0};
        uint32_t base = ntohl(((struct sockaddr_in *)&l->source)->sin_addr.s_addr);
        info.ipi_spec_dst.s_addr = htonl(base + source);
        *c = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof info)};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        l->out[n].msg_hdr.msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        struct in6_pktinfo info = {.ipi6_addr = ((struct sockaddr_in6 *)&l->source)->sin6_addr};
        put32(info.ipi6_addr.s6_addr + 12, get32(info.ipi6_addr.s6_addr + 12) + source);
        *c = (struct cmsghdr){.cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO, .cmsg_len = CMSG_LEN(sizeof info)};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        l->out[n].msg_hdr.msg_controllen = CMSG_SPACE(sizeof info);
    }
}

static void queue_packet(struct load *l, unsigned n, struct slot *s, uint64_t now)
{
    l->out_vector[n].iov_len = write_packet(l, s, l->out_packet[n], now);
    if (l->o->sources > 1)
        choose_source(l, n, s->request.source);
    s->active = true;
    s->tries++;
}

static void flush(struct load *l, unsigned count)
{
    for (unsigned done = 0; done < count;) {
        int sent = sendmmsg(l->socket, l->out + done, count - done, 0);
        if (sent > 0)
            done += (unsigned)sent;
        else if (errno == ECONNREFUSED) /* an ICMP answer to an earlier packet: nobody listens there */
            l->c.refused++;
        else if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
            die("sendmmsg: %s", strerror(errno));
    }
}

/* Sends new requests while the window (and the rate, if one is asked for) allows; false when there are no more. */
static bool send_requests(struct load *l, uint64_t now)
{
    bool more = true;
    unsigned count = 0;
    while (more && count < BATCH && l->idle_count) {
        uint64_t due = now;
        if (l->o->rate > 0 && l->phase == MIX) {
            due = l->phase_start + (uint64_t)((double)l->issued * 1e9 / l->o->rate);
            if (due > now) {
                if (!count)
                    nanosleep(&(struct timespec){.tv_nsec = PACED_NAP_NS}, NULL);
                break;
            }
        }
        struct slot *s = &l->slots[l->idle[l->idle_count - 1]];
        if (!(more = next_request(l, &s->request)))
            break;
        l->idle_count--;
        s->tries = 0;
        s->fresh = false;
        s->sent = due; /* with a rate, the time it was due: a stalled server does not hide its own delay */
        queue_packet(l, count++, s, now);
    }
    flush(l, count);
    return more;
}

/* ---- answers ---- */

static void release(struct load *l, struct slot *s)
{
    s->active = false;
    l->idle[l->idle_count++] = (uint32_t)(s - l->slots);
}

static void send_again(struct load *l, struct slot *s, uint64_t now)
{
    if (s->tries >= MAX_TRIES) {
        l->c.abandoned++;
        release(l, s);
        return;
    }
    s->sent = now;
    queue_packet(l, 0, s, now);
    flush(l, 1);
}

/* Whether an answer to this request may look like this; counts what is in it. */
static bool well_formed(struct load *l, const struct slot *s, const uint8_t *p, size_t length)
{
    const struct request *r = &s->request;
    if (r->kind == CONNECT || s->connecting)
        return length == 16;
    if (r->kind == SCRAPE) {
        if (length != 8 + 12 * (size_t)(l->phase == VERIFY ? 1 : l->o->hashes))
            return false;
        l->c.wrong += l->phase == VERIFY && get32(p + 8) + get32(p + 16) != l->expected[r->torrent];
        return true;
    }
    if (length < 20 || (length - 20) % l->stride)
        return false;
    l->c.peers += (length - 20) / l->stride;
    l->c.over_numwant += (length - 20) / l->stride > l->o->numwant;
    return true;
}

static void take_answer(struct load *l, const uint8_t *p, size_t length, uint64_t now)
{
    struct slot *s = length < 8 ? NULL : &l->slots[get32(p + 4) & 0xffff];
    if (!s || s >= l->slots + l->o->window || !s->active || s->transaction != get32(p + 4)) {
        l->c.late++;
        return;
    }
    uint32_t action = get32(p), asked = s->connecting ? CONNECT : s->request.kind;
    if (action == ERROR && length >= 16 && !memcmp(p + 8, "Connect", 7)) {
        l->c.mismatches++;
        l->id_time[s->request.source] = 0;
        send_again(l, s, now);
    } else if (action != asked || !well_formed(l, s, p, length)) {
        action == ERROR ? l->c.refusals++ : l->c.malformed++;
        release(l, s);
    } else {
        l->c.answers[asked]++;
        l->c.bytes += length;
        if (asked == CONNECT) {
            memcpy(&l->id[s->request.source], p + 8, 8);
            l->id_time[s->request.source] = now;
        }
        if (l->measuring)
            histogram_add(&l->c.latency, now > s->sent ? now - s->sent : 0);
        if (s->connecting) {
            s->tries = 0;
            s->fresh = true;
            send_again(l, s, now);
        } else
            release(l, s);
    }
}

static void receive(struct load *l, uint64_t now)
{
    if (l->idle_count == l->o->window)
        l->heard = now; /* nothing is being waited for */
    else if (now > l->heard + SILENCE * l->o->timeout_ms * 1000000ull)
        die("no answer for %u ms", SILENCE * l->o->timeout_ms);
    for (int count = BATCH; count == BATCH;) {
        count = recvmmsg(l->socket, l->in, BATCH, MSG_DONTWAIT, NULL);
        if (count < 0 && errno == ECONNREFUSED)
            l->c.refused++;
        else if (count < 0 && errno != EAGAIN && errno != EINTR)
            die("recvmmsg: %s", strerror(errno));
        if (count > 0)
            l->heard = now;
        for (int i = 0; i < count; i++)
            take_answer(l, l->in_packet[i], l->in[i].msg_len, now);
    }
}

/* Requests that were not answered in time: lost in a mix, sent again where each must be answered. */
static void sweep(struct load *l, uint64_t now)
{
    for (uint32_t i = 0; i < l->o->window; i++) {
        struct slot *s = &l->slots[i];
        if (!s->active || now < s->sent + l->o->timeout_ms * 1000000ull)
            continue;
        l->c.timeouts++;
        if (l->phase == MIX)
            release(l, s);
        else
            send_again(l, s, now);
    }
}

/* ---- phases ---- */

/* Asks `requests` times or for `seconds`, and waits until each request was answered or given up. */
static void run_phase(struct load *l, enum phase phase, uint64_t requests, double seconds)
{
    uint64_t start = now_ns(), end = seconds > 0 ? start + (uint64_t)(seconds * 1e9) : UINT64_MAX, swept = start;
    l->phase = phase, l->issued = 0, l->phase_requests = requests, l->phase_start = l->heard = start;
    for (uint32_t i = 0; i < l->o->window; i++) {
        l->slots[i].active = false;
        l->idle[i] = i;
    }
    l->idle_count = l->o->window;
    for (bool more = true; more || l->idle_count < l->o->window;) {
        uint64_t now = now_ns();
        receive(l, now);
        if (now - swept > SWEEP_NS) {
            sweep(l, now);
            swept = now;
        }
        if (more)
            more = now < end && send_requests(l, now);
    }
}

struct meter { /* what has been used: differences of two readings go into the report */
    double wall, cpu, own_cpu; /* seconds; cpu: of the server */
    long rss;                  /* KiB, of the server */
};

static struct meter read_meter(int pid)
{
    return (struct meter){(double)now_ns() / 1e9, cpu_seconds(pid), cpu_seconds(getpid()), rss_kib(pid)};
}

static void report(const struct load *l, struct meter a, struct meter b)
{
    const struct counters *c = &l->c;
    const struct options *o = l->o;
    double wall = b.wall - a.wall, cpu = b.cpu - a.cpu;
    double answers = (double)(c->answers[CONNECT] + c->answers[ANNOUNCE] + c->answers[SCRAPE]);
    printf("{\"answers\":%.0f,\"connects\":%lu,\"announces\":%lu,\"scrapes\":%lu,\"seconds\":%.4f,\"load_busy\":%.3f,"
           "\"answers_per_second\":%.1f,",
           answers, c->answers[CONNECT], c->answers[ANNOUNCE], c->answers[SCRAPE], wall, (b.own_cpu - a.own_cpu) / wall,
           answers / wall);
    if (o->pid)
        printf("\"server_cpu_seconds\":%.4f,\"cpu_us_per_answer\":%.4f,\"answers_per_cpu_second\":%.1f,\"server_busy\":%.3f,"
               "\"rss_kib\":%ld,\"rss_growth_kib\":%ld,",
               cpu, answers ? cpu * 1e6 / answers : 0.0, cpu > 0 ? answers / cpu : 0.0, cpu / wall, b.rss, b.rss - a.rss);
    printf("\"peers_per_announce\":%.2f,\"bytes_per_answer\":%.1f,\"timeouts\":%lu,\"abandoned\":%lu,"
           "\"errors\":{\"malformed\":%lu,\"wrong_counts\":%lu,\"unasked_or_late\":%lu,\"connection_id\":%lu,\"refusals\":%lu,"
           "\"port_unreachable\":%lu,\"more_than_numwant\":%lu},",
           c->answers[ANNOUNCE] ? (double)c->peers / (double)c->answers[ANNOUNCE] : 0.0, answers ? (double)c->bytes / answers : 0.0,
           c->timeouts, c->abandoned, c->malformed, c->wrong, c->late, c->mismatches, c->refusals, c->refused, c->over_numwant);
    histogram_print(&c->latency);
    puts("}");
}

/* Announces the first peers of the population, each until it is answered. */
static void prefill(struct load *l, uint64_t peers)
{
    run_phase(l, PREFILL, peers, 0);
    if (l->c.abandoned || l->c.malformed || l->c.refusals)
        die("prefill: %lu requests without an answer, %lu malformed answers, %lu refusals", l->c.abandoned, l->c.malformed,
            l->c.refusals);
}

static void mix(struct load *l)
{
    const struct options *o = l->o;
    prefill(l, o->peers);
    if (o->warmup > 0)
        run_phase(l, MIX, UINT64_MAX, o->warmup);
    memset(&l->c, 0, sizeof l->c);
    l->measuring = true;
    struct meter start = read_meter(o->pid);
    run_phase(l, MIX, o->requests ? o->requests : UINT64_MAX, o->requests ? 0 : o->seconds);
    report(l, start, read_meter(o->pid));
}

/* Torrents get their peers, every announce is answered, then every torrent's scrape must count them. */
static int fill(struct load *l, bool by_population)
{
    const struct options *o = l->o;
    uint64_t peers = !by_population ? (uint64_t)o->torrents * o->peers : o->requests && o->requests < o->peers ? o->requests : o->peers;
    for (uint32_t t = 0; !by_population && t < o->torrents; t++)
        l->expected[t] = o->peers;
    for (uint64_t p = 0; by_population && p < peers; p++)
        l->expected[l->population[p].torrent]++;
    l->measuring = true;
    struct meter start = read_meter(o->pid);
    if (by_population)
        prefill(l, peers);
    else
        run_phase(l, FILL, peers, 0);
    struct meter stop = read_meter(o->pid);
    struct counters filled = l->c;
    l->measuring = false;
    run_phase(l, VERIFY, o->torrents, 0);
    filled.wrong = l->c.wrong + l->c.malformed;
    filled.abandoned = l->c.abandoned;
    l->c = filled;
    report(l, start, stop);
    return l->c.wrong || l->c.abandoned;
}

/* ---- setting up ---- */

static socklen_t resolve(const char *host, const char *port, struct sockaddr_storage *address)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error)
        die("%s port %s: %s", host, port, gai_strerror(error));
    memcpy(address, found->ai_addr, found->ai_addrlen);
    socklen_t length = found->ai_addrlen;
    freeaddrinfo(found);
    return length;
}

/* One source: a connected socket. Several: an unconnected one on the wildcard address, the source chosen packet by packet. */
static void open_socket(struct load *l)
{
    const struct options *o = l->o;
    int size = 4 << 20;
    l->server_length = resolve(o->host, o->port, &l->server);
    bool v6 = l->server.ss_family == AF_INET6;
    l->stride = v6 ? 18 : 6;
    resolve(o->source ? o->source : v6 ? "::1" : "127.0.0.1", "0", &l->source);
    if (l->source.ss_family != l->server.ss_family)
        die("%s and %s are of different families", o->source, o->host);
    l->socket = socket(l->server.ss_family, SOCK_DGRAM, 0);
    setsockopt(l->socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (o->sources == 1) {
        if (bind(l->socket, (struct sockaddr *)&l->source, l->server_length) ||
            connect(l->socket, (struct sockaddr *)&l->server, l->server_length))
            die("bind or connect: %s", strerror(errno));
    }
    for (unsigned i = 0; i < BATCH; i++) {
        l->in_vector[i] = (struct iovec){l->in_packet[i], MAX_PACKET};
        l->in[i].msg_hdr = (struct msghdr){.msg_iov = &l->in_vector[i], .msg_iovlen = 1};
        l->out_vector[i].iov_base = l->out_packet[i];
        l->out[i].msg_hdr = (struct msghdr){.msg_iov = &l->out_vector[i], .msg_iovlen = 1};
        if (o->sources > 1) {
            l->out[i].msg_hdr.msg_name = &l->server;
            l->out[i].msg_hdr.msg_namelen = l->server_length;
            l->out[i].msg_hdr.msg_control = l->control[i];
        }
    }
}

static const char usage[] =
    "usage: load mix|fill|populate|hashes [option…]\n"
    "\n"
    "  mix       announce every peer of a population once, warm up, then measure a mix of requests of random peers\n"
    "  fill      announce PEERS peers in each of TORRENTS torrents, each answered, then check each torrent by a scrape\n"
    "  populate  announce every peer of a population, each answered, then check each torrent by a scrape\n"
    "  hashes    print the info_hashes of the load's torrents in hexadecimal, a whitelist\n"
    "\n"
    "  --host ADDR --port N     the server (127.0.0.1, 6969)\n"
    "  --pid N                  the server's process: adds its CPU time and memory growth to the result, with those of its children\n"
    "  --torrents N             (10000)\n"
    "  --peers N                fill: in each torrent, otherwise in all (100000)\n"
    "  --skew S                 torrent of rank r has a share of 1/r^S of the peers (1.0)\n"
    "  --sources N              source addresses, from --source upwards (1)\n"
    "  --source ADDR            (127.0.0.1 or ::1; several IPv6 sources need a local prefix: ip -6 route add local PREFIX dev lo)\n"
    "  --weights C/A/S          connects, announces, scrapes (5/90/5)\n"
    "  --in-turn                the peers of the population ask one after the other, not at random\n"
    "  --newcomers PERCENT      of the announces: peers that nobody has announced yet (0)\n"
    "  --numwant N --hashes N   peers wanted by an announce (50), info_hashes in a scrape (1)\n"
    "  --window N               outstanding requests (128, at most 65536)\n"
    "  --rate N                 requests a second, evenly spaced, latency from when they were due (as fast as answers come)\n"
    "  --seconds S --warmup S   (5, 1)\n"
    "  --requests N             mix: measure N requests, whatever time they take; populate: announce the first N peers alone\n"
    "  --timeout MS             an unanswered request is lost after (1000)\n"
    "  --id-seconds S           a connection id is used for S seconds; with 0 each request has a new one (100)\n"
    "  --seed N                 of the random numbers (1)\n";

static void parse_options(int argc, char **argv, struct options *o)
{
    static const char *const names[] = {"host", "port", "pid", "torrents", "peers", "skew", "sources", "source", "weights",
                                        "numwant", "hashes", "window", "rate", "seconds", "warmup", "requests", "timeout",
                                        "id-seconds", "seed", "newcomers", "in-turn", "help"};
    enum { COUNT = sizeof names / sizeof *names };
    struct option table[COUNT + 1] = {0};
    for (int i = 0; i < COUNT; i++)
        table[i] = (struct option){names[i], i < COUNT - 2 ? required_argument : no_argument, NULL, i};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        uint64_t n = optarg ? strtoull(optarg, NULL, 10) : 0;
        switch (c) {
        case 0: o->host = optarg; break;
        case 1: o->port = optarg; break;
        case 2: o->pid = (int)n; break;
        case 3: o->torrents = (uint32_t)n; break;
        case 4: o->peers = (uint32_t)n; break;
        case 5: o->skew = atof(optarg); break;
        case 6: o->sources = (uint32_t)n; break;
        case 7: o->source = optarg; break;
        case 8:
            if (sscanf(optarg, "%u/%u/%u", &o->weight[CONNECT], &o->weight[ANNOUNCE], &o->weight[SCRAPE]) != 3)
                die("--weights %s: want three numbers, as 5/90/5", optarg);
            break;
        case 9: o->numwant = (uint32_t)n; break;
        case 10: o->hashes = (uint32_t)n; break;
        case 11: o->window = (uint32_t)n; break;
        case 12: o->rate = atof(optarg); break;
        case 13: o->seconds = atof(optarg); break;
        case 14: o->warmup = atof(optarg); break;
        case 15: o->requests = n; break;
        case 16: o->timeout_ms = (uint32_t)n; break;
        case 17: o->id_seconds = atof(optarg); break;
        case 18: o->seed = n; break;
        case 19: o->newcomers = (uint32_t)n; break;
        case 20: o->in_turn = true; break;
        case 21: fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2);
        }
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        exit(2);
    }
    o->command = argv[optind];
    if (!o->torrents || !o->peers || !o->sources || !o->window || o->window > 65536 || !o->hashes || o->hashes > MAX_SCRAPED ||
        !(o->weight[CONNECT] + o->weight[ANNOUNCE] + o->weight[SCRAPE]))
        die("torrents, peers, sources and weights must be over 0, the window 1 to 65536, hashes 1 to %d", MAX_SCRAPED);
}

int main(int argc, char **argv)
{
    static struct options o = {.host = "127.0.0.1", .port = "6969", .weight = {5, 90, 5}, .torrents = 10000, .peers = 100000,
                               .skew = 1, .sources = 1, .numwant = 50, .hashes = 1, .window = 128, .seconds = 5, .warmup = 1,
                               .timeout_ms = TIMEOUT_MS, .id_seconds = 100, .seed = 1};
    static struct load l = {.o = &o};
    parse_options(argc, argv, &o);
    if (!strcmp(o.command, "hashes")) {
        for (uint32_t t = 0; t < o.torrents; t++) {
            uint8_t hash[20];
            info_hash(t, hash);
            for (int i = 0; i < 20; i++)
                printf("%02X", hash[i]);
            putchar('\n');
        }
        return 0;
    }
    l.random = o.seed;
    l.id = allocate(o.sources, sizeof *l.id);
    l.id_time = allocate(o.sources, sizeof *l.id_time);
    l.slots = allocate(o.window, sizeof *l.slots);
    l.idle = allocate(o.window, sizeof *l.idle);
    l.expected = allocate(o.torrents, sizeof *l.expected);
    open_socket(&l);
    if (!strcmp(o.command, "fill"))
        return fill(&l, false);
    l.population = make_population(o.peers, o.torrents, o.skew, o.sources, o.seed);
    if (!strcmp(o.command, "populate"))
        return fill(&l, true);
    if (strcmp(o.command, "mix"))
        die("%s: want mix, fill, populate or hashes", o.command);
    mix(&l);
    return 0;
}
