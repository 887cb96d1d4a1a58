/*
 * mail_text.h - an event, or several as a digest, as an Internet message (RFC 5322, MIME). Pure.
 *
 * Header text of feeds is encoded (RFC 2047) unless it is short, plain ASCII; control characters
 * never reach a header, so no feed can add one. Bodies are quoted-printable UTF-8: text/plain, and
 * for a single item with HTML multipart/alternative. Lines end with LF, as sendmail(8) wants it.
 */
#ifndef TIDINGS_NOTIFY_MAIL_TEXT_H
#define TIDINGS_NOTIFY_MAIL_TEXT_H

#include <stdint.h>

#include "base/buf.h"
#include "notify/sink.h"

struct mail_conf {
    const char *from, *to; /* header values: "Name <a@b>" or "a@b"; TO is joined by '\n' */
    const char *subscription, *host;
    const char *id; /* sink_message_id */
};

/* Appends the message to OUT: 0, or -EINVAL when an event's object cannot be read. */
int mail_text(struct buf *out, const struct mail_conf *c, const struct sink_message *m,
              int64_t now);

/* TEXT (UTF-8) as the value of an unstructured header whose name and ": " took AT columns. */
void mail_header_text(struct buf *out, const char *text, size_t at);
/* N bytes as quoted-printable (RFC 2045 6.7); ends with a line break. */
void mail_quoted_printable(struct buf *out, const char *p, size_t n);

#endif
