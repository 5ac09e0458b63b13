/* SPDX-License-Identifier: MIT */
/*
 * resolver ADDRESS: a name server on port 53, for whom every name has that
 * IPv4 address, and nothing else. RFC 1035, section 4.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#define HEADER 12 /* bytes */
#define MESSAGE_MAX 512
#define TYPE_A 1

/* The name, its type and class; 0 when there is no whole question. */
static size_t
question_end(const unsigned char *message, size_t size)
{
	size_t i = HEADER;

	while (i < size && message[i] != 0)
		i += message[i] + 1U;
	return i + 5 <= size ? i + 5 : 0;
}

/* The question made an answer; its size. */
static size_t
answer(unsigned char *message, size_t end, struct in_addr address)
{
	/* name as in the question, A, IN, 60 s, 4 bytes */
	static const unsigned char record[] = { 0xc0, HEADER, 0, TYPE_A, 0, 1,
		0, 0, 0, 60, 0, 4 };
	int has_address = message[end - 3] == TYPE_A;

	message[2] = 0x84; /* an answer, with authority */
	message[3] = 0;
	message[7] = (unsigned char)has_address;
	memset(message + 8, 0, 4);
	if (!has_address)
		return end;
	memcpy(message + end, record, sizeof(record));
	memcpy(message + end + sizeof(record), &address, sizeof(address));
	return end + sizeof(record) + sizeof(address);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in here = { .sin_family = AF_INET,
		.sin_port = htons(53) };
	unsigned char message[MESSAGE_MAX + 64];
	struct sockaddr_storage peer;
	struct in_addr address;
	socklen_t length;
	size_t end;
	ssize_t n;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc != 2 || inet_pton(AF_INET, argv[1], &address) != 1)
		errx(2, "usage: resolver address");
	if (bind(fd, (struct sockaddr *)&here, sizeof(here)) == -1)
		err(1, "port 53");
	for (;;) {
		length = sizeof(peer);
		n = recvfrom(fd, message, MESSAGE_MAX, 0,
		    (struct sockaddr *)&peer, &length);
		end = n > HEADER ? question_end(message, (size_t)n) : 0;
		if (end > 0)
			(void)sendto(fd, message, answer(message, end, address),
			    0, (struct sockaddr *)&peer, length);
	}
}
