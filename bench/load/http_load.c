/* HTTP announces, a connection each or kept alive: one thread that visits its connections in turn, for ever.
 *
 * On the loopback interface a connection is established within connect(), so there is nothing to wait for but the answer, and
 * that is polled: seven system calls an announce and no wake-up that the server would pay for. Give it a core of its own. The result is one line of JSON on standard output. */
#define _GNU_SOURCE
#include "histogram.h"
#include "population.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef TIMEOUT_MS /* a test on a busy machine waits longer */
#define TIMEOUT_MS 2000
#endif

enum {
    MAX_ANSWER = 16384,
    PACED_NAP_NS = 50000, /* leaves a core that is shared some air */
};

struct options {
    const char *host, *port, *source;
    uint32_t torrents, peers, sources, window, numwant, timeout_ms;
    double skew, seconds, warmup, rate;
    uint64_t requests, seed;
    int pid;
    bool keep_alive, forwarded;
};

struct connection {
    int socket; /* -1: none */
    bool asked;
    uint64_t sent;
    size_t length; /* of the answer so far */
    char answer[MAX_ANSWER];
};

struct counters {
    uint64_t answers, bytes, malformed, refusals, timeouts, cut;
    struct histogram latency;
};

struct load {
    struct options *o;
    struct sockaddr_storage server, source;
    socklen_t address_length;
    struct peer *population;
    struct connection *connections;
    uint64_t random;
    struct counters c;
};

/* Percent-encodes what RFC 3986 does not leave alone, as libtorrent does. */
static char *put_hash(char *out, uint32_t torrent)
{
    uint8_t hash[20];
    info_hash(torrent, hash);
    for (int i = 0; i < 20; i++) {
        unsigned char c = hash[i];
        if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("-._~", c)))
            *out++ = (char)c;
        else
            out += sprintf(out, "%%%02x", c);
    }
    return out;
}

/* The client's address as a proxy writes it, or nothing without --forwarded: all of 10.0.0.0/8. */
static const char *forwarded_header(const struct load *l, const struct peer *peer)
{
    static char header[64];
    uint32_t n = peer->source;
    if (!l->o->forwarded)
        return "";
    sprintf(header, "X-Forwarded-For: 10.%u.%u.%u\r\n", n >> 16 & 255, n >> 8 & 255, n & 255);
    return header;
}

/* The announce that qBittorrent (libtorrent) sends. */
static int write_request(const struct load *l, const struct peer *peer, const char *event, char *out)
{
    char *p = put_hash(out + sprintf(out, "GET /announce?info_hash="), peer->torrent);
    p += sprintf(p, "&peer_id=-qB4650-%06x%06x&port=%u&uploaded=0&downloaded=0&left=%u&corrupt=0&key=%08X%s&numwant=%u&compact=1"
                    "&no_peer_id=1&supportcrypto=1&redundant=0 HTTP/1.1\r\nHost: tracker.example:6969\r\n"
                    "User-Agent: qBittorrent/4.6.5\r\nAccept-Encoding: gzip\r\n%sConnection: %s\r\n\r\n",
                 peer->source & 0xffffff, peer->port, peer->port, peer->seeder ? 0 : 1 << 20, peer->torrent, event, l->o->numwant,
                 forwarded_header(l, peer), l->o->keep_alive ? "keep-alive" : "close");
    return (int)(p - out);
}

static int open_connection(struct load *l, uint32_t source)
{
    int one = 1, s = socket(l->server.ss_family, SOCK_STREAM, 0);
    if (s < 0)
        die("socket: %s", strerror(errno));
    struct sockaddr_storage from = l->source;
    uint8_t *low = from.ss_family == AF_INET ? (uint8_t *)&((struct sockaddr_in *)&from)->sin_addr
                                             : ((struct sockaddr_in6 *)&from)->sin6_addr.s6_addr + 12;
    uint32_t address;
    memcpy(&address, low, 4);
    address = htonl(ntohl(address) + source);
    memcpy(low, &address, 4);
    setsockopt(s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one); /* or bind() would use up the ports */
    /* Closing resets what the server has closed already: cheaper here, and leaves no thousands of sockets in TIME_WAIT. */
    setsockopt(s, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    if (bind(s, (struct sockaddr *)&from, l->address_length) || connect(s, (struct sockaddr *)&l->server, l->address_length))
        die("bind or connect: %s", strerror(errno));
    return s;
}

static void ask(struct load *l, struct connection *c, const struct peer *peer, const char *event, uint64_t due)
{
    char request[1024];
    if (c->socket < 0)
        c->socket = open_connection(l, l->o->forwarded ? 0 : peer->source);
    int length = write_request(l, peer, event, request);
    c->sent = due ? due : now_ns();
    c->asked = true;
    c->length = 0;
    if (send(c->socket, request, (size_t)length, MSG_NOSIGNAL) != length)
        l->c.cut++;
}

/* Whether the bytes are a whole answer: head, length, a bencoded body. */
static bool complete(const char *answer, size_t length)
{
    const char *head_end = memmem(answer, length, "\r\n\r\n", 4);
    const char *announced = memmem(answer, length, "Content-Length: ", 16);
    return head_end && announced && (size_t)(answer + length - head_end - 4) == strtoul(announced + 16, NULL, 10);
}

static void check(struct load *l, const struct connection *c)
{
    const char *body = memmem(c->answer, c->length, "\r\n\r\n", 4), *end = c->answer + c->length;
    if (!c->length)
        l->c.cut++;
    else if (memcmp(c->answer, "HTTP/1.1 200", 12) || !body || !complete(c->answer, c->length) || end[-1] != 'e')
        l->c.malformed++;
    else if (memcmp(body + 4, "d8:complete", 11) || !memmem(body, (size_t)(end - body), "5:peers", 7))
        l->c.refusals++;
    else {
        l->c.answers++;
        l->c.bytes += c->length;
        histogram_add(&l->c.latency, now_ns() - c->sent);
    }
}

/* Reads what has come; true when that was the rest: the end of the stream or, kept alive, of the body. */
static bool finish(struct load *l, struct connection *c)
{
    ssize_t got = recv(c->socket, c->answer + c->length, MAX_ANSWER - c->length, MSG_DONTWAIT);
    if (got > 0) {
        c->length += (size_t)got;
        if (!l->o->keep_alive || !complete(c->answer, c->length))
            return false;
    } else if (got < 0 && errno == EAGAIN) {
        if (now_ns() - c->sent < l->o->timeout_ms * 1000000ull)
            return false;
        if (++l->c.timeouts > l->c.answers + l->o->window)
            die("%lu requests timed out, %lu were answered", l->c.timeouts, l->c.answers);
    }
    check(l, c);
    c->asked = false;
    if (got <= 0) {
        close(c->socket);
        c->socket = -1;
    }
    return true;
}

/* When the next request is due, in a phase with a rate; 0 where it is sent as soon as a connection is free. */
static uint64_t due_time(const struct load *l, uint64_t start, uint64_t asked, bool each)
{
    return each || l->o->rate <= 0 ? 0 : start + (uint64_t)((double)asked * 1e9 / l->o->rate);
}

static void run(struct load *l, uint64_t requests, double seconds, bool each)
{
    uint64_t start = now_ns(), end = seconds > 0 ? start + (uint64_t)(seconds * 1e9) : UINT64_MAX, asked = 0;
    uint32_t open = 0;
    for (bool more = true; more || open;) {
        more = asked < requests && (end == UINT64_MAX || now_ns() < end);
        bool idle = true;
        for (uint32_t i = 0; i < l->o->window; i++) {
            struct connection *c = &l->connections[i];
            if (c->asked && finish(l, c))
                open--, idle = false;
            if (c->asked || !more || asked >= requests)
                continue;
            uint64_t due = due_time(l, start, asked, each);
            if (due && due > now_ns())
                continue;
            ask(l, c, &l->population[each ? asked : below(&l->random, l->o->peers)], each ? "&event=started" : "", due);
            asked++;
            open++;
            idle = false;
        }
        if (idle && !each && l->o->rate > 0)
            nanosleep(&(struct timespec){.tv_nsec = PACED_NAP_NS}, NULL);
    }
}

static void report(const struct load *l, double wall, double cpu, double own_cpu)
{
    const struct counters *c = &l->c;
    double answers = (double)c->answers;
    printf("{\"answers\":%.0f,\"seconds\":%.4f,\"load_busy\":%.3f,\"answers_per_second\":%.1f,", answers, wall, own_cpu / wall,
           answers / wall);
    if (l->o->pid)
        printf("\"server_cpu_seconds\":%.4f,\"cpu_us_per_answer\":%.4f,\"answers_per_cpu_second\":%.1f,\"server_busy\":%.3f,", cpu,
               answers ? cpu * 1e6 / answers : 0.0, cpu > 0 ? answers / cpu : 0.0, cpu / wall);
    printf("\"bytes_per_answer\":%.1f,\"timeouts\":%lu,\"errors\":{\"malformed\":%lu,\"refusals\":%lu,\"closed_without_answer\":%lu},",
           answers ? (double)c->bytes / answers : 0.0, c->timeouts, c->malformed, c->refusals, c->cut);
    histogram_print(&c->latency);
    puts("}");
}

static socklen_t resolve(const char *host, const char *port, struct sockaddr_storage *address)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error)
        die("%s port %s: %s", host, port, gai_strerror(error));
    memcpy(address, found->ai_addr, found->ai_addrlen);
    socklen_t length = found->ai_addrlen;
    freeaddrinfo(found);
    return length;
}

static const char usage[] =
    "usage: http_load [option…]\n"
    "\n"
    "  Announces every peer of a population once, warms up, then measures announces of random peers.\n"
    "\n"
    "  --host ADDR --port N     the server (127.0.0.1, 6969)\n"
    "  --pid N                  the server's process: adds its CPU time to the result, with that of its children\n"
    "  --keep-alive             keep connections; default: a connection for each announce\n"
    "  --forwarded              be a proxy: all connections come from --source, the clients' addresses stand in X-Forwarded-For\n"
    "  --torrents N --peers N --skew S --seed N   the population (10000, 50000, 1.0, 1)\n"
    "  --sources N --source A   source addresses, upwards from A (64, 127.0.0.1; 1, ::1)\n"
    "  --window N               connections at once (128)\n"
    "  --numwant N              (50)\n"
    "  --seconds S --warmup S   (5, 1)\n"
    "  --rate N                 announces a second, evenly spaced, latency from when they were due (as fast as answers come)\n"
    "  --requests N             measure N announces, whatever time they take\n"
    "  --timeout MS             (2000)\n";

static void parse_options(int argc, char **argv, struct options *o)
{
    enum { HOST, PORT, PID, KEEP_ALIVE, TORRENTS, PEERS, SKEW, SEED, SOURCES, SOURCE, WINDOW, NUMWANT, SECONDS, WARMUP, RATE,
           REQUESTS, TIMEOUT, FORWARDED, HELP };
    static const struct option table[] = {
        {"host", 1, NULL, HOST},       {"port", 1, NULL, PORT},         {"pid", 1, NULL, PID},         {"keep-alive", 0, NULL, KEEP_ALIVE},
        {"torrents", 1, NULL, TORRENTS}, {"peers", 1, NULL, PEERS},     {"skew", 1, NULL, SKEW},       {"seed", 1, NULL, SEED},
        {"sources", 1, NULL, SOURCES}, {"source", 1, NULL, SOURCE},     {"window", 1, NULL, WINDOW},   {"numwant", 1, NULL, NUMWANT},
        {"seconds", 1, NULL, SECONDS}, {"warmup", 1, NULL, WARMUP},     {"rate", 1, NULL, RATE},         {"requests", 1, NULL, REQUESTS}, {"timeout", 1, NULL, TIMEOUT},
        {"forwarded", 0, NULL, FORWARDED}, {"help", 0, NULL, HELP},       {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        uint64_t n = optarg ? strtoull(optarg, NULL, 10) : 0;
        switch (c) {
        case HOST: o->host = optarg; break;
        case PORT: o->port = optarg; break;
        case PID: o->pid = (int)n; break;
        case KEEP_ALIVE: o->keep_alive = true; break;
        case FORWARDED: o->forwarded = true; break;
        case TORRENTS: o->torrents = (uint32_t)n; break;
        case PEERS: o->peers = (uint32_t)n; break;
        case SKEW: o->skew = atof(optarg); break;
        case SEED: o->seed = n; break;
        case SOURCES: o->sources = (uint32_t)n; break;
        case SOURCE: o->source = optarg; break;
        case WINDOW: o->window = (uint32_t)n; break;
        case NUMWANT: o->numwant = (uint32_t)n; break;
        case SECONDS: o->seconds = atof(optarg); break;
        case WARMUP: o->warmup = atof(optarg); break;
        case RATE: o->rate = atof(optarg); break;
        case REQUESTS: o->requests = n; break;
        case TIMEOUT: o->timeout_ms = (uint32_t)n; break;
        case HELP: fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2);
        }
    }
    if (optind != argc || !o->torrents || !o->peers || !o->window)
        die("want no arguments, and torrents, peers and window over 0; see --help");
}

int main(int argc, char **argv)
{
    static struct options o = {.host = "127.0.0.1", .port = "6969", .torrents = 10000, .peers = 50000, .skew = 1, .window = 128,
                               .numwant = 50, .seconds = 5, .warmup = 1, .timeout_ms = TIMEOUT_MS, .seed = 1};
    static struct load l = {.o = &o};
    parse_options(argc, argv, &o);
    l.address_length = resolve(o.host, o.port, &l.server);
    bool v6 = l.server.ss_family == AF_INET6;
    if (!o.sources)
        o.sources = v6 ? 1 : 64;
    resolve(o.source ? o.source : v6 ? "::1" : "127.0.0.1", "0", &l.source);
    if (l.source.ss_family != l.server.ss_family)
        die("%s and %s are of different families", o.source, o.host);
    l.random = o.seed;
    l.population = make_population(o.peers, o.torrents, o.skew, o.sources, o.seed);
    l.connections = allocate(o.window, sizeof *l.connections);
    for (uint32_t i = 0; i < o.window; i++)
        l.connections[i].socket = -1;

    run(&l, o.peers, 0, true);
    if (l.c.answers != o.peers)
        die("prefill: %lu of %u announces answered, %lu refusals, %lu malformed, %lu timeouts", l.c.answers, o.peers, l.c.refusals,
            l.c.malformed, l.c.timeouts);
    if (o.warmup > 0)
        run(&l, UINT64_MAX, o.warmup, false);
    memset(&l.c, 0, sizeof l.c);
    double cpu = cpu_seconds(o.pid), own_cpu = cpu_seconds(getpid());
    uint64_t start = now_ns();
    run(&l, o.requests ? o.requests : UINT64_MAX, o.requests ? 0 : o.seconds, false);
    report(&l, (double)(now_ns() - start) / 1e9, cpu_seconds(o.pid) - cpu, cpu_seconds(getpid()) - own_cpu);
    return 0;
}
