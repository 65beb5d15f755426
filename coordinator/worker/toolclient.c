/* The program behind every hook command, without an interpreter: what toolclient.py does, which has the protocol.

   A charm that calls commands as processes calls dozens of them in one hook; this one takes a millisecond where an
   interpreter takes ten or more.  toolserver.py compiles it once per machine, where there is a compiler.
   tests/unit/coordinator/engine/test_toolserver.py holds both clients to the same behaviour. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Says which source this was made of. */
__attribute__((used)) static const char source[] = SOURCE;

struct bytes {
    char *at;
    size_t size, room;
};

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("ERROR ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static void add(struct bytes *to, const void *from, size_t size) {
    if (to->size + size > to->room) {
        to->room = 2 * (to->size + size);
        to->at = realloc(to->at, to->room);
        if (to->at == NULL) fail("out of memory");
    }
    memcpy(to->at + to->size, from, size);
    to->size += size;
}

static void add_length(struct bytes *to, size_t size) {
    unsigned char length[4] = {size >> 24, size >> 16, size >> 8, size};
    if (size > UINT32_MAX) fail("the call is too large");
    add(to, length, 4);
}

static void add_field(struct bytes *to, const void *from, size_t size) {
    add_length(to, size);
    add(to, from, size);
}

static size_t length_at(const char *at) {
    const unsigned char *length = (const unsigned char *)at;
    return (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 | length[3];
}

/* Return the next field of an answer, and move on to the one after it; a size of 0 and NULL when there is none. */
static struct bytes next_field(struct bytes *rest) {
    struct bytes field = {NULL, 0, 0};
    if (rest->size == 0) return field;
    if (rest->size < 4 || rest->size - 4 < length_at(rest->at)) fail("the agent gave an answer that is cut off");
    field.size = length_at(rest->at);
    field.at = rest->at + 4;
    rest->at += 4 + field.size;
    rest->size -= 4 + field.size;
    return field;
}

static int is(struct bytes field, const char *text) {
    return field.at != NULL && field.size == strlen(text) && memcmp(field.at, text, field.size) == 0;
}

static long number(struct bytes field) {
    char text[21] = "";
    if (field.at == NULL || field.size >= sizeof text) fail("the agent gave an answer that this command does not know");
    memcpy(text, field.at, field.size);
    return strtol(text, NULL, 10);
}

static char *text_of(struct bytes field) {
    char *text = malloc(field.size + 1);
    if (text == NULL) fail("out of memory");
    memcpy(text, field.at, field.size);
    text[field.size] = 0;
    return text;
}

static int write_all(int file, const char *at, size_t size) {
    while (size > 0) {
        ssize_t count = write(file, at, size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        at += count;
        size -= count;
    }
    return 0;
}

static void receive(int connection, const char *address, char *at, size_t size) {
    while (size > 0) {
        ssize_t count = recv(connection, at, size, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("cannot talk to the agent at %s: %s", address, strerror(errno));
        if (count == 0) fail("the agent closed the connection");
        at += count;
        size -= count;
    }
}

/* Send one request and return the fields of its answer. */
static struct bytes call(const char *address, const struct bytes *request) {
    struct sockaddr_un place = {.sun_family = AF_UNIX};
    struct bytes frame = {NULL, 0, 0}, answer = {NULL, 0, 0};
    char length[4];
    int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    if (strlen(address) >= sizeof place.sun_path) fail("cannot talk to the agent at %s: AF_UNIX path too long", address);
    strcpy(place.sun_path, address);
    if (connection < 0 || connect(connection, (struct sockaddr *)&place, sizeof place) < 0)
        fail("cannot talk to the agent at %s: %s", address, strerror(errno));
    add_length(&frame, request->size);
    add(&frame, request->at, request->size);
    for (size_t sent = 0; sent < frame.size;) {
        ssize_t count = send(connection, frame.at + sent, frame.size - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("cannot talk to the agent at %s: %s", address, strerror(errno));
        sent += count;
    }
    free(frame.at);
    receive(connection, address, length, 4);
    answer.size = length_at(length);
    answer.at = malloc(answer.size + 1);
    if (answer.at == NULL) fail("out of memory");
    receive(connection, address, answer.at, answer.size);
    close(connection);
    return answer;
}

/* Add the content of a file, or of standard input, to a request. */
static void add_input(struct bytes *request, struct bytes name, size_t most) {
    int is_stdin = is(name, "-");
    char *path = text_of(name), part[65536];
    const char *what = is_stdin ? "stdin" : path;
    struct bytes content = {NULL, 0, 0};
    int file = is_stdin ? 0 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) fail("cannot read %s: %s", what, strerror(errno));
    for (;;) {
        ssize_t count = read(file, part, sizeof part);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("cannot read %s: %s", what, strerror(errno));
        if (count == 0) break;
        add(&content, part, count);
        if (content.size > most) fail("cannot read %s: it has more than %zu bytes, the limit", what, most);
    }
    if (!is_stdin) close(file);
    add_field(request, name.at, name.size);
    add_field(request, content.size ? content.at : "", content.size);
    free(content.at);
    free(path);
}

/* Put the output where -o named a file. */
static void write_output(struct bytes name, struct bytes content) {
    char *path = text_of(name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0 || write_all(file, content.at, content.size) < 0 || close(file) < 0)
        fail("cannot write %s: %s", path, strerror(errno));
    free(path);
}

static void print(int file, struct bytes content) {
    if (write_all(file, content.at, content.size) == 0) return;
    if (errno == EPIPE) exit(1); /* whoever read our output has seen enough */
    fail("cannot write the output: %s", strerror(errno));
}

int main(int count, char **words) {
    const char *context = getenv("JUJU_CONTEXT_ID"), *address = getenv("JUJU_AGENT_SOCKET_ADDRESS");
    const char *slash = strrchr(words[0], '/'), *name = slash ? slash + 1 : words[0];
    struct bytes request = {NULL, 0, 0}, answer, kind, status, output, errors, file;
    char argument_count[16];
    int size;

    signal(SIGPIPE, SIG_IGN);
    if (context == NULL || *context == 0) fail("JUJU_CONTEXT_ID not set");
    if (address == NULL || *address == 0) fail("JUJU_AGENT_SOCKET_ADDRESS not set");
    add_field(&request, "call", 4);
    add_field(&request, context, strlen(context));
    add_field(&request, name, strlen(name));
    size = snprintf(argument_count, sizeof argument_count, "%d", count - 1);
    add_field(&request, argument_count, size);
    for (int each = 1; each < count; each++) add_field(&request, words[each], strlen(words[each]));

    answer = call(address, &request);
    kind = next_field(&answer);
    if (is(kind, "needs")) {
        long most = number(next_field(&answer));
        while (answer.size > 0) add_input(&request, next_field(&answer), most);
        answer = call(address, &request);
        kind = next_field(&answer);
    }
    if (!is(kind, "answer")) fail("the agent gave an answer that this command does not know");
    status = next_field(&answer);
    output = next_field(&answer);
    errors = next_field(&answer);
    file = next_field(&answer);
    if (file.at != NULL)
        write_output(file, output);
    else
        print(1, output);
    print(2, errors);
    return number(status);
}
