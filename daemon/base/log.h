/*
 * log.h - the daemon's voice: one line per event, safe to show on a terminal.
 *
 * Levels are syslog's (LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG). Where the line goes:
 *  - to the journal, with fields, when stderr is the journal's ($JOURNAL_STREAM names it);
 *  - else to stderr, with the time in front when that is a terminal.
 * Text from feeds passes through str_add_printable. Thread-safe: one write(2) or send(2) a line.
 *
 * Bounded: at most LIMIT_LOG_PER_S lines a second in the long run (errors count for themselves, so
 * that they are never left out for the sake of lesser lines); what was left out is counted in a
 * line of its own as soon as there is room. At level debug nothing is left out.
 */
#ifndef TIDINGS_BASE_LOG_H
#define TIDINGS_BASE_LOG_H

#include <stdbool.h>
#include <syslog.h>

/* Structured fields of a line; any may be NULL. Shown as journal fields where there is a journal.
 */
struct log_fields {
    const char *feed;         /* TIDINGS_FEED: the feed's name */
    const char *url;          /* TIDINGS_URL, without credentials */
    const char *outcome;      /* TIDINGS_OUTCOME: "ok", "http-404", "dns", ... */
    const char *subscription; /* TIDINGS_SUBSCRIPTION: its name */
    const char *message_id;   /* MESSAGE_ID: one of base/message_ids.h, for lines one alerts on */
};

/* Lines above MAX_LEVEL (a LOG_* number) are dropped. Default LOG_INFO. */
void log_set_level(int max_level);
bool log_wants(int level);
void log_line(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_event(int level, const struct log_fields *f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Where the journal listens, for tests. Default /run/systemd/journal/socket. Borrows PATH. */
void log_set_journal(const char *path);

#define log_error(...)   log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_line(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_DEBUG, __VA_ARGS__)
/* A line one alerts on: ID is one of base/message_ids.h. */
#define log_alert(level, id, ...) \
    log_event(level, &(struct log_fields){.message_id = (id)}, __VA_ARGS__)

#endif
