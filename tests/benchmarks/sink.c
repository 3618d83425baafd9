/* A sink for benchmarks: the Ingest API's answers at the least cost, so that the client is what is measured.
 *
 * One thread, epoll, keep-alive. POST /batch is answered with as many results as the body has distinctIds,
 * anything else that is posted with {"success":true}; GET tells how many events came in since the last GET.
 * With a latency each answer waits that long, without holding up the others.
 *
 *     cc -O2 -o sink sink.c && ./sink [LATENCY_MS]      prints its port
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FDS_MAX = 4096, LATE_MAX = 65536, CACHED_MAX = 20000 };

struct peer {
    char *in;
    size_t held, room, need; /* need: bytes of the whole request once its head is known, else 0 */
    char *out;
    size_t out_left;
    char *out_block;
    int generation, is_stuck;
};
struct late { long long due_us; int fd, generation; char *answer; size_t size; };

static struct peer peers[FDS_MAX];
static struct late queue[LATE_MAX];
static size_t queue_head, queue_tail;
static char *cached[CACHED_MAX + 1];
static size_t cached_size[CACHED_MAX + 1];
static long long latency_us, counted;
static int poller;

static long long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static char *with_head(const char *body, size_t length, size_t *size) {
    char *answer = malloc(length + 128);
    int head = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", length);
    memcpy(answer + head, body, length);
    *size = head + length;
    return answer;
}

static char *batch_answer(size_t events, size_t *size) {
    if (events <= CACHED_MAX && cached[events]) {
        *size = cached_size[events];
    } else {
        char *body = malloc(events * 40 + 100);
        size_t at = sprintf(body, "{\"success\":true,\"accepted\":%zu,\"failed\":0,\"results\":[", events);
        for (size_t i = 0; i < events; i++)
            at += sprintf(body + at, "%s{\"index\":%zu,\"success\":true}", i ? "," : "", i);
        at += sprintf(body + at, "]}");
        char *answer = with_head(body, at, size);
        free(body);
        if (events > CACHED_MAX) return answer;
        cached[events] = answer;
        cached_size[events] = *size;
    }
    char *copy = malloc(*size);
    memcpy(copy, cached[events], *size);
    return copy;
}

static size_t count_events(const char *body, size_t length) {
    static const char mark[] = "\"distinctId\":";
    size_t found = 0;
    const char *at = body, *end = body + length;
    while ((at = memmem(at, end - at, mark, sizeof mark - 1))) found++, at += sizeof mark - 1;
    return found;
}

static void hang_up(int fd) {
    struct peer *p = &peers[fd];
    free(p->in);
    free(p->out_block);
    int generation = p->generation + 1;
    memset(p, 0, sizeof *p);
    p->generation = generation;
    close(fd);
}

static void flush_out(int fd) {
    struct peer *p = &peers[fd];
    while (p->out_left) {
        ssize_t n = write(fd, p->out, p->out_left);
        if (n < 0) {
            if (errno != EAGAIN) { hang_up(fd); return; }
            struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.fd = fd};
            epoll_ctl(poller, EPOLL_CTL_MOD, fd, &e);
            p->is_stuck = 1;
            return;
        }
        p->out += n;
        p->out_left -= n;
    }
    if (p->out_block && p->is_stuck) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_MOD, fd, &e);
        p->is_stuck = 0;
    }
    free(p->out_block);
    p->out_block = NULL;
}

static void send_answer(int fd, char *answer, size_t size) {
    struct peer *p = &peers[fd];
    p->out = p->out_block = answer;
    p->out_left = size;
    flush_out(fd);
}

static void answer_request(int fd, char *request, size_t head, size_t length) {
    char *answer, text[64];
    size_t size;
    char *line_end = memchr(request, '\r', head);
    *line_end = 0;
    if (!strncmp(request, "GET", 3)) {
        answer = with_head(text, sprintf(text, "%lld", counted), &size);
        counted = 0;
    } else if (strstr(request, "/batch")) {
        size_t events = count_events(request + head, length);
        counted += events;
        answer = batch_answer(events, &size);
    } else {
        counted++;
        answer = with_head("{\"success\":true}", 16, &size);
    }
    if (latency_us && request[0] == 'P') {
        queue[queue_tail++ % LATE_MAX] = (struct late){now_us() + latency_us, fd, peers[fd].generation, answer, size};
    } else {
        send_answer(fd, answer, size);
    }
}

static void receive(int fd) {
    struct peer *p = &peers[fd];
    for (;;) {
        if (p->room - p->held < 65536) p->in = realloc(p->in, p->room = p->room * 2 + 131072);
        ssize_t n = read(fd, p->in + p->held, p->room - p->held - 1);
        if (n == 0 || (n < 0 && errno != EAGAIN)) { hang_up(fd); return; }
        if (n < 0) return;
        p->held += n;
        p->in[p->held] = 0;
        char *blank = memmem(p->in, p->held < 8192 ? p->held : 8192, "\r\n\r\n", 4);
        if (!blank) continue;
        size_t head = blank - p->in + 4;
        if (!p->need) {
            char *field = strcasestr(p->in, "\r\ncontent-length:");
            p->need = head + (field && field < blank ? strtoull(field + 17, NULL, 10) : 0);
            char *expect = strcasestr(p->in, "\r\nexpect:");
            if (expect && expect < blank && write(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25) < 0) { hang_up(fd); return; }
        }
        if (p->held < p->need) continue;
        size_t whole = p->need;
        p->held -= whole;
        p->need = 0;
        answer_request(fd, p->in, head, whole - head);
        if (p->held) memmove(p->in, p->in + whole, p->held);
    }
}

int main(int argc, char **argv) {
    latency_us = argc > 1 ? atoll(argv[1]) * 1000 : 0;
    int yes = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(door, (void *)&address, length) || listen(door, 512)) { perror("sink"); return 1; }
    getsockname(door, (void *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poller = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = door};
    epoll_ctl(poller, EPOLL_CTL_ADD, door, &e);
    for (;;) {
        int wait_ms = -1;
        while (queue_head != queue_tail) {
            struct late *l = &queue[queue_head % LATE_MAX];
            long long left = l->due_us - now_us();
            if (left > 0) { wait_ms = left / 1000 + 1; break; }
            queue_head++;
            if (peers[l->fd].generation == l->generation) send_answer(l->fd, l->answer, l->size);
            else free(l->answer);
        }
        struct epoll_event ready[256];
        int count = epoll_wait(poller, ready, 256, wait_ms);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == door) {
                int peer = accept4(door, NULL, NULL, SOCK_NONBLOCK);
                if (peer < 0) continue;
                if (peer >= FDS_MAX) { close(peer); continue; }
                setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
                struct epoll_event in = {.events = EPOLLIN, .data.fd = peer};
                epoll_ctl(poller, EPOLL_CTL_ADD, peer, &in);
                continue;
            }
            int generation = peers[fd].generation;
            if (ready[i].events & EPOLLOUT) flush_out(fd);
            if (peers[fd].generation == generation && ready[i].events & ~EPOLLOUT) receive(fd);
        }
    }
}
