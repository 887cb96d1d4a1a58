#include "notify/mail_text.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "notify/fields.h"

#define LINE_BYTES 76 /* RFC 2045 */
#define WORD_BYTES 45 /* of text in one encoded word: 60 characters of base64, 72 in all */

/* ---- encoding ------------------------------------------------------------------------------- */

static bool is_plain(const char *s)
{
    if (strstr(s, "=?"))
        return false; /* would be read as an encoded word */
    for (; *s; s++)
        if (*s < ' ' || *s > '~')
            return false;
    return true;
}

void mail_header_text(struct buf *out, const char *text, size_t at)
{
    CLEANUP_BUF struct buf line = BUF_INIT(LIMIT_MAIL_SUBJECT_BYTES * 16);
    str_add_printable(&line, text, MIN(strlen(text), (size_t)LIMIT_MAIL_SUBJECT_BYTES * 4));
    const char *p = buf_str(&line);
    size_t n = str_trim(&p, line.len);
    CLEANUP_FREE char *clean = xstrndup(p, n);
    if (is_plain(clean) && at + n <= LINE_BYTES) {
        buf_add(out, clean, n);
        return;
    }
    size_t room = at + 24 < LINE_BYTES ? (LINE_BYTES - at - 12) / 4 * 3 : 6;
    for (size_t i = 0; i < n;) { /* a character is never divided (RFC 2047 5) */
        char word[BASE64_SIZE(WORD_BYTES)];
        room = MIN(room, (size_t)WORD_BYTES);
        size_t k = n - i <= room ? n - i : utf8_cut(clean + i, room);
        buf_addf(out, "%s=?UTF-8?B?%s?=", i ? "\n " : "", base64_encode(clean + i, k, word));
        i += k;
        room = WORD_BYTES;
    }
}

void mail_quoted_printable(struct buf *out, const char *p, size_t n)
{
    size_t column = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '\n' || (c == '\r' && i + 1 < n && p[i + 1] == '\n')) {
            i += c == '\r';
            buf_addc(out, '\n');
            column = 0;
            continue;
        }
        bool at_end = i + 1 == n || p[i + 1] == '\n' || p[i + 1] == '\r';
        bool encode = c > '~' || c == '=' || (c < ' ' && c != '\t') ||
                      ((c == ' ' || c == '\t') && at_end) ||
                      /* what a mailbox or an SMTP server would read as its own */
                      (column == 0 &&
                       (c == '.' || (c == 'F' && n - i > 4 && memcmp(p + i, "From ", 5) == 0)));
        size_t width = encode ? 3 : 1;
        if (column + width > LINE_BYTES - 1) {
            buf_adds(out, "=\n");
            column = 0;
            i--; /* at the beginning of a line it is judged again */
            continue;
        }
        if (encode)
            buf_addf(out, "=%02X", c);
        else
            buf_addc(out, (char)c);
        column += width;
    }
    if (column)
        buf_addc(out, '\n');
}

/* ---- header --------------------------------------------------------------------------------- */

static void add_date(struct buf *out, int64_t now)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
                             *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t t = (time_t)(now / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    buf_addf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\n", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_header(struct buf *out, const char *name, const char *text)
{
    if (str_empty(text))
        return;
    buf_addf(out, "%s: ", name);
    mail_header_text(out, text, strlen(name) + 2);
    buf_addc(out, '\n');
}

static void add_addresses(struct buf *out, const struct mail_conf *c)
{
    buf_addf(out, "From: %s\nTo: ", c->from);
    for (const char *p = c->to; *p; p++)
        if (*p == '\n')
            buf_adds(out, ",\n ");
        else
            buf_addc(out, *p);
    buf_addc(out, '\n');
}

static void add_head(struct buf *out, const struct mail_conf *c, const struct fields *f, int n,
                     int64_t now)
{
    CLEANUP_BUF struct buf subject = BUF_INIT(LIMIT_MAIL_SUBJECT_BYTES * 4);
    add_date(out, now);
    add_addresses(out, c);
    if (n > 1)
        buf_addf(&subject, "%d items: ", n);
    fields_headline(&subject, f, LIMIT_MAIL_SUBJECT_BYTES);
    add_header(out, "Subject", buf_str(&subject));
    buf_addf(out, "Message-ID: <%s@%s>\n", c->id, c->host);
    buf_adds(out, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n");
    add_header(out, "X-Tidings-Subscription", c->subscription);
    if (n == 1) {
        add_header(out, "X-Tidings-Feed", f->feed);
        add_header(out, "X-Tidings-URL", f->url);
    }
}

/* ---- body ----------------------------------------------------------------------------------- */

static void add_part(struct buf *out, const char *type, const char *text, size_t n)
{
    buf_addf(out,
             "Content-Type: %s; charset=utf-8\n"
             "Content-Transfer-Encoding: quoted-printable\n\n",
             type);
    mail_quoted_printable(out, text, n);
}

/* "Feed, by Author, 2026-11-25T08:00:00Z" */
static void add_facts(struct buf *text, const struct fields *f)
{
    const char *feed = f->feed_title ? f->feed_title : f->feed;
    buf_addf(text, "%s%s%s%s%s\n", feed ? feed : "", f->author ? ", by " : "",
             f->author ? f->author : "", f->date ? ", " : "", f->date ? f->date : "");
}

static void single(struct buf *out, const struct mail_conf *c, const struct fields *f)
{
    CLEANUP_BUF struct buf text = BUF_INIT(LIMIT_MAIL_BODY_BYTES),
                           html = BUF_INIT(LIMIT_MAIL_BODY_BYTES);
    fields_headline(&text, f, LIMIT_MAIL_SUBJECT_BYTES);
    buf_addc(&text, '\n');
    if (f->url)
        buf_addf(&text, "%s\n", f->url);
    add_facts(&text, f);
    buf_addc(&text, '\n');
    if (f->html) {
        CLEANUP_BUF struct buf plain = BUF_INIT(LIMIT_MAIL_BODY_BYTES);
        plain_of_html(&plain, f->html, true);
        buf_adds(&text, buf_str(&plain));
    } else if (f->text) {
        buf_adds(&text, f->text);
    }
    buf_addc(&text, '\n');
    if (!f->html) {
        add_part(out, "text/plain", buf_str(&text), text.len);
        return;
    }
    buf_addf(out, "Content-Type: multipart/alternative; boundary=\"=_%s\"\n\n--=_%s\n", c->id,
             c->id); /* "=_" cannot stand in quoted-printable (RFC 2045 6.7) */
    add_part(out, "text/plain", buf_str(&text), text.len);
    buf_addf(out, "--=_%s\n", c->id);
    buf_addf(&html,
             "<!DOCTYPE html><html><head><meta charset=\"utf-8\"></head><body>\n%s\n"
             "</body></html>\n",
             f->html);
    add_part(out, "text/html", buf_str(&html), html.len);
    buf_addf(out, "--=_%s--\n", c->id);
}

static int digest(struct buf *out, const struct sink_message *m)
{
    CLEANUP_BUF struct buf text = BUF_INIT(LIMIT_MAIL_BODY_BYTES);
    for (int i = 0; i < m->n; i++) {
        struct fields f;
        if (fields_read(&f, m->events[i].json, m->events[i].json_len) < 0)
            return -EINVAL;
        buf_adds(&text, i ? "\n\n" : "");
        fields_headline(&text, &f, LIMIT_MAIL_SUBJECT_BYTES);
        buf_addc(&text, '\n');
        if (f.url)
            buf_addf(&text, "%s\n", f.url);
        add_facts(&text, &f);
        if (f.html || f.text)
            buf_addc(&text, '\n');
        fields_plain(&text, &f, LIMIT_MAIL_DIGEST_BYTES);
        buf_addc(&text, '\n');
        fields_fini(&f);
    }
    add_part(out, "text/plain", buf_str(&text), text.len);
    return 0;
}

int mail_text(struct buf *out, const struct mail_conf *c, const struct sink_message *m, int64_t now)
{
    struct fields f;
    int r = 0;
    if (fields_read(&f, m->events[0].json, m->events[0].json_len) < 0)
        return -EINVAL;
    add_head(out, c, &f, m->n, now);
    if (m->n == 1)
        single(out, c, &f);
    else
        r = digest(out, m);
    fields_fini(&f);
    return r;
}
