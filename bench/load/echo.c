/* The floor: a UDP "tracker" that knows nothing. It receives in batches and sends canned answers of a tracker's sizes, so what it
 * costs is the kernel's part, the least that any tracker on batched system calls can cost.
 *
 * usage: echo ADDRESS PORT [PEERS]    PEERS: peers in each announce answer (30) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, MAX_PACKET = 2048, CONNECT = 0, ANNOUNCE = 1, SCRAPE = 2 };

static struct mmsghdr in[BATCH], out[BATCH];
static struct iovec in_vector[BATCH], out_vector[BATCH];
static struct sockaddr_storage from[BATCH];
static unsigned char request[BATCH][MAX_PACKET], answer[BATCH][MAX_PACKET];

/* The length of the answer to a request of `length` bytes; 0 for none. */
static size_t answer_length(const unsigned char *p, size_t length, size_t announce)
{
    if (length < 16)
        return 0;
    return p[11] == CONNECT ? 16 : p[11] == ANNOUNCE ? announce : p[11] == SCRAPE ? 8 + (length - 16) / 20 * 12 : 0;
}

int main(int argc, char **argv)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *local;
    if (argc < 3 || getaddrinfo(argv[1], argv[2], &hints, &local)) {
        fputs("usage: echo ADDRESS PORT [PEERS]\n", stderr);
        return 2;
    }
    size_t stride = local->ai_family == AF_INET6 ? 18 : 6;
    size_t announce = 20 + stride * (argc > 3 ? strtoul(argv[3], NULL, 10) : 30);
    int s = socket(local->ai_family, SOCK_DGRAM, 0), size = 4 << 20;
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (announce > MAX_PACKET || bind(s, local->ai_addr, local->ai_addrlen)) {
        perror("echo: bind");
        return 111;
    }
    for (unsigned i = 0; i < BATCH; i++) {
        in_vector[i] = (struct iovec){request[i], MAX_PACKET};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &in_vector[i], .msg_iovlen = 1, .msg_name = &from[i]};
    }
    for (;;) {
        for (unsigned i = 0; i < BATCH; i++)
            in[i].msg_hdr.msg_namelen = sizeof from[i];
        int got = recvmmsg(s, in, BATCH, MSG_WAITFORONE, NULL);
        unsigned count = 0;
        for (int i = 0; i < got; i++) {
            size_t length = answer_length(request[i], in[i].msg_len, announce);
            if (!length)
                continue;
            memcpy(answer[i], request[i] + 8, 8); /* action and transaction id */
            out_vector[count] = (struct iovec){answer[i], length};
            out[count].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = in[i].msg_hdr.msg_namelen,
                                                 .msg_iov = &out_vector[count], .msg_iovlen = 1};
            count++;
        }
        if (count && sendmmsg(s, out, count, 0) < 0)
            perror("echo: sendmmsg");
    }
}
