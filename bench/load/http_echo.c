/* The floor over HTTP: a "tracker" that knows nothing. It accepts a connection, reads once, writes a canned answer and closes, so
 * what it costs is the kernel's part, the least that any tracker without io_uring can cost. With `keep` it leaves connections open
 * and waits for their next requests with epoll.
 *
 * usage: http_echo ADDRESS PORT PEERS [keep]    PEERS: peers in each answer */
#define _GNU_SOURCE
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_REQUEST = 8192, MAX_PEERS = 1000, PEER_SIZE = 6, EVENTS = 256, DEFER_SECONDS = 5 };

static char request[MAX_REQUEST], answer[512 + MAX_PEERS * PEER_SIZE];
static size_t answer_length;

static void make_answer(int peers, const char *connection)
{
    char body[256 + MAX_PEERS * PEER_SIZE];
    int start = sprintf(body, "d8:completei12e10:incompletei24e8:intervali1800e12:min intervali1800e5:peers%d:", peers * PEER_SIZE);
    memset(body + start, 'p', (size_t)(peers * PEER_SIZE));
    int length = start + peers * PEER_SIZE;
    body[length++] = 'e';
    int head = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: %s\r\nContent-Length: %d\r\n\r\n", connection, length);
    memcpy(answer + head, body, (size_t)length);
    answer_length = (size_t)(head + length);
}

/* Whether a request was answered; not, where the client has closed. */
static int answer_one(int client)
{
    return read(client, request, sizeof request) > 0 && write(client, answer, answer_length) == (ssize_t)answer_length;
}

static void serve_and_close(int listener)
{
    for (;;) {
        int client = accept4(listener, NULL, NULL, 0);
        if (client >= 0) {
            answer_one(client);
            close(client);
        }
    }
}

static void serve_and_keep(int listener)
{
    struct epoll_event ready[EVENTS], watched = {.events = EPOLLIN, .data.fd = listener};
    int epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &watched);
    for (;;) {
        int count = epoll_wait(epoll, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int client = ready[i].data.fd;
            if (client != listener) {
                if (!answer_one(client))
                    close(client);
            } else if ((client = accept4(listener, NULL, NULL, 0)) >= 0) {
                watched.data.fd = client;
                epoll_ctl(epoll, EPOLL_CTL_ADD, client, &watched);
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *local;
    int keep = argc > 4 && !strcmp(argv[4], "keep"), peers = argc > 3 ? atoi(argv[3]) : -1;
    if (argc < 4 || (argc > 4 && !keep) || peers < 0 || peers > MAX_PEERS || getaddrinfo(argv[1], argv[2], &hints, &local)) {
        fputs("usage: http_echo ADDRESS PORT PEERS [keep]\n", stderr);
        return 2;
    }
    int listener = socket(local->ai_family, SOCK_STREAM, 0), one = 1, defer = DEFER_SECONDS;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, sizeof defer); /* the request is there once accept returns */
    if (bind(listener, local->ai_addr, local->ai_addrlen) || listen(listener, SOMAXCONN)) {
        perror("http_echo: bind");
        return 111;
    }
    signal(SIGPIPE, SIG_IGN);
    make_answer(peers, keep ? "keep-alive" : "close");
    keep ? serve_and_keep(listener) : serve_and_close(listener);
}
