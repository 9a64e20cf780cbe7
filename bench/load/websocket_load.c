/* Browsers: announces with offers over WebSockets, whose offers are answered.
 *
 * Each browser has one announce under way, and answers each offer that it gets; a message is a write of its own. Messages are counted
 * in both directions: announces and answers that go to the server, its answers to announces and what it forwards. The result is one
 * line of JSON on standard output. */
#define _GNU_SOURCE
#include "histogram.h"
#include "common.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IN_A_SWARM = 20,
    OFFERS = 5, /* of bittorrent-tracker's client */
    ID = 20,    /* bytes of an info_hash, a peer_id, an offer_id */
    HEAD = 8,   /* bytes of a frame: two, two of length, four of mask */
    MOST_ANNOUNCE = 8192,
    MOST_ANSWER = 2048,
    MOST_RECEIVED = 1 << 18,
    EVENTS = 256,
    WARMUP = 1, /* seconds */
};

#define LINE "a=candidate:1 1 UDP 2122317823 192.0.2.1 50000 typ host\\r\\n"
#define SDP "v=0\\r\\n" LINE LINE LINE LINE LINE LINE LINE LINE LINE LINE LINE /* of 600 bytes */
#define UPGRADE                                                                                                               \
    "GET /announce HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                  \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"                                            \
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"

struct browser {
    int socket;
    uint32_t number;
    uint64_t asked, offers;      /* when the announce was sent; the offers that have been made */
    char *announce;              /* a frame; `offer_id` are the places of the ids of its offers */
    size_t length, offer_id[OFFERS];
    char *received;
    size_t filled;
};

struct counters {
    uint64_t messages, bytes, wrong;
    struct histogram latency;
};

static struct counters counted;

/* The head of a masked text frame of 126 to 65535 bytes; the mask is zero, which costs the server the same. */
static size_t finish_frame(char *frame, size_t length)
{
    if (length < 126 || length > 65535)
        die("a message of %zu bytes", length);
    memcpy(frame, (char[HEAD]){(char)0x81, (char)0xfe, (char)(length >> 8), (char)length}, HEAD);
    return HEAD + length;
}

static int put_fields(char *out, const struct browser *b)
{
    return sprintf(out, "{\"action\":\"announce\",\"info_hash\":\"%020u\",\"peer_id\":\"-WW0208-%012u\",\"numwant\":%d,"
                        "\"uploaded\":0,\"downloaded\":0,", b->number / IN_A_SWARM, b->number, OFFERS);
}

static void make_announce(struct browser *b)
{
    b->announce = allocate(1, MOST_ANNOUNCE);
    char *text = b->announce + HEAD, *p = text + put_fields(text, b);
    p += sprintf(p, "\"left\":1000,\"offers\":[");
    for (int i = 0; i < OFFERS; i++) {
        p += sprintf(p, "%s{\"offer\":{\"type\":\"offer\",\"sdp\":\"" SDP "\"},\"offer_id\":\"%010u", i ? "," : "", b->number);
        b->offer_id[i] = (size_t)(p - b->announce);
        p += sprintf(p, "%010u\"}", 0);
    }
    p += sprintf(p, "]}");
    b->length = finish_frame(b->announce, (size_t)(p - text));
}

static void send_whole(const struct browser *b, const char *data, size_t length)
{
    for (ssize_t sent; length; data += sent, length -= (size_t)sent)
        if ((sent = send(b->socket, data, length, MSG_NOSIGNAL)) <= 0)
            die("the server has closed a connection: %s", strerror(errno));
}

static void announce(struct browser *b)
{
    for (int i = 0; i < OFFERS; i++) {
        char digits[11];
        sprintf(digits, "%010lu", b->offers++);
        memcpy(b->announce + b->offer_id[i], digits, 10);
    }
    b->asked = now_ns();
    send_whole(b, b->announce, b->length);
    counted.messages++;
}

static const char *value_of(const char *key, const char *message, size_t length)
{
    const char *found = memmem(message, length, key, strlen(key));
    return found && found + strlen(key) + ID <= message + length ? found + strlen(key) : NULL;
}

static bool answer_offer(const struct browser *b, const char *message, size_t length)
{
    static char frame[MOST_ANSWER];
    const char *maker = value_of("\"peer_id\":\"", message, length), *offer_id = value_of("\"offer_id\":\"", message, length);
    if (!maker || !offer_id)
        return false;
    char *text = frame + HEAD, *p = text + put_fields(text, b);
    p += sprintf(p, "\"to_peer_id\":\"%.20s\",\"offer_id\":\"%.20s\",\"answer\":{\"type\":\"answer\",\"sdp\":\"" SDP "\"}}", maker,
                 offer_id);
    send_whole(b, frame, finish_frame(frame, (size_t)(p - text)));
    counted.messages++;
    return true;
}

static bool has(const char *key, const char *message, size_t length)
{
    return memmem(message, length, key, strlen(key)) != NULL;
}

static void take(struct browser *b, const char *message, size_t length)
{
    counted.messages++;
    counted.bytes += length;
    if (has("\"interval\":", message, length)) {
        histogram_add(&counted.latency, now_ns() - b->asked);
        announce(b);
    } else if (has("\"offer\":", message, length) ? !answer_offer(b, message, length) : !has("\"answer\":", message, length))
        counted.wrong++;
}

/* The bytes of a frame's head, and the length of its message; 0 if more of it has to come. */
static size_t head_of(const unsigned char *frame, size_t size, size_t *length)
{
    if (size < 4)
        return 0;
    bool is_short = frame[1] < 126;
    if (frame[1] > 126)
        die("a message of over 65535 bytes");
    *length = is_short ? frame[1] : (size_t)frame[2] << 8 | frame[3];
    return is_short ? 2 : 4;
}

static void receive(struct browser *b)
{
    ssize_t got = recv(b->socket, b->received + b->filled, MOST_RECEIVED - b->filled, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        die("the server has closed a connection");
    b->filled += (size_t)got;
    size_t at = 0;
    for (size_t head, length; (head = head_of((unsigned char *)b->received + at, b->filled - at, &length)); at += head + length) {
        if (at + head + length > b->filled)
            break;
        take(b, b->received + at + head, length);
    }
    memmove(b->received, b->received + at, b->filled -= at);
}

static void run(int poll, double seconds)
{
    struct epoll_event events[EVENTS];
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end) {
        int ready = epoll_wait(poll, events, EVENTS, 0);
        for (int i = 0; i < ready; i++)
            receive(events[i].data.ptr);
    }
}

static void open_browser(struct browser *b, const struct sockaddr_in *server)
{
    int one = 1;
    b->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (b->socket < 0 || connect(b->socket, (const struct sockaddr *)server, sizeof *server))
        die("connect: %s", strerror(errno));
    setsockopt(b->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    b->received = allocate(1, MOST_RECEIVED);
    send_whole(b, UPGRADE, strlen(UPGRADE));
    size_t filled = 0;
    while (!has("\r\n\r\n", b->received, filled)) {
        ssize_t got = recv(b->socket, b->received + filled, 1, 0);
        if (got <= 0)
            die("no upgrade: %.100s", b->received);
        filled += (size_t)got;
    }
    if (memcmp(b->received, "HTTP/1.1 101", 12))
        die("no upgrade: %.100s", b->received);
    make_announce(b);
}

static void report(double wall, double cpu, double own_cpu)
{
    double messages = (double)counted.messages;
    printf("{\"answers\":%.0f,\"answers_per_second\":%.1f,\"answers_per_cpu_second\":%.1f,\"cpu_us_per_answer\":%.4f,", messages,
           messages / wall, messages / cpu, cpu * 1e6 / messages);
    printf("\"bytes_per_answer\":%.1f,\"server_busy\":%.3f,\"load_busy\":%.3f,\"timeouts\":0,\"errors\":{\"wrong\":%lu},",
           (double)counted.bytes / messages, cpu / wall, own_cpu / wall, counted.wrong);
    histogram_print(&counted.latency);
    puts("}");
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fputs("usage: websocket_load HOST PORT PID SECONDS BROWSERS\n", stderr);
        return 2;
    }
    int pid = atoi(argv[3]), count = atoi(argv[5]), poll = epoll_create1(0);
    double seconds = atof(argv[4]);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 || count < 1)
        die("%s is no address, or %s no number of browsers", argv[1], argv[5]);
    struct browser *browsers = allocate((size_t)count, sizeof *browsers);
    for (int i = 0; i < count; i++) {
        struct browser *b = &browsers[i];
        b->number = (uint32_t)i;
        open_browser(b, &server);
        epoll_ctl(poll, EPOLL_CTL_ADD, b->socket, &(struct epoll_event){.events = EPOLLIN, .data.ptr = b});
    }
    for (int i = 0; i < count; i++)
        announce(&browsers[i]);
    run(poll, WARMUP);
    memset(&counted, 0, sizeof counted);
    double cpu = cpu_seconds(pid), own_cpu = cpu_seconds(getpid());
    uint64_t start = now_ns();
    run(poll, seconds);
    report((double)(now_ns() - start) / 1e9, cpu_seconds(pid) - cpu, cpu_seconds(getpid()) - own_cpu);
    return 0;
}
