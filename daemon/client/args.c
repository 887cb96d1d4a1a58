#include "client/args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "client/words.h"

static const char *const colours[] = {"auto", "always", "never", NULL};
static const char *const formats[] = {"text", "json", "jsonl", "tsv", "csv", NULL};
static const char *const object_formats[] = {"text", "json", "jsonl", NULL}; /* as above */

#define AT(field) offsetof(struct args, field)
const struct opt common_opts[] = {
    {"socket", 0, OPT_STRING, "PATH", "the daemon's socket (else TIDINGS_SOCKET; see below)",
     AT(socket)},
    {"store", 0, OPT_STRING, "PATH", "the database (else TIDINGS_STORE; see below)", AT(store)},
    {"api", 0, OPT_STRING, "URL", "a daemon's API over TCP (else TIDINGS_API)", AT(api)},
    {"token-file", 0, OPT_STRING, "FILE",
     "the token for it (else TIDINGS_TOKEN_FILE, TIDINGS_TOKEN)", AT(token_file)},
    {"color", 0, OPT_CHOICE, "WHEN", "auto, always or never; NO_COLOR is respected", AT(colour), 0,
     colours},
    {"help", 'h', OPT_FLAG, NULL, "this text", AT(help)},
    {0},
};
static const struct opt format_opts[] = {
    {"format", 'F', OPT_CHOICE, "FORMAT", "text (for people), json, jsonl, tsv or csv", AT(format),
     0, formats},
    {0},
};
static const struct opt object_format_opts[] = {
    {"format", 'F', OPT_CHOICE, "FORMAT", "text (for people), json or jsonl", AT(format), 0,
     object_formats},
    {0},
};
/* For the completion scripts; in no help text. */
static const struct opt hidden_opts[] = {
    {"list-options", 0, OPT_FLAG, NULL, "", AT(list_options)},
    {0},
};

#define MAX_OPTS 32

static const struct opt *format_of(const struct command *cmd)
{
    return cmd->has_format ? format_opts : cmd->has_object_format ? object_format_opts : NULL;
}

/* Every option of CMD, its own first; the hidden ones only if HIDDEN. */
static size_t all_opts(const struct command *cmd, bool hidden, const struct opt *ret[MAX_OPTS])
{
    const struct opt *tables[] = {cmd->opts, format_of(cmd), common_opts,
                                  hidden ? hidden_opts : NULL};
    size_t n = 0;
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct opt *o = tables[t]; o && o->name && n < MAX_OPTS; o++)
            ret[n++] = o;
    return n;
}

static const struct opt *find_long(const struct command *cmd, const char *name, size_t len,
                                   struct td_err *err)
{
    const struct opt *opts[MAX_OPTS];
    const char *names[MAX_OPTS];
    char given[64];
    size_t n = all_opts(cmd, true, opts);
    for (size_t i = 0; i < n; i++)
        if (strlen(opts[i]->name) == len && memcmp(opts[i]->name, name, len) == 0)
            return opts[i];
    n = all_opts(cmd, false, opts);
    for (size_t i = 0; i < n; i++)
        names[i] = opts[i]->name;
    size_t cut = MIN(len, sizeof given - 1);
    memcpy(given, name, cut);
    given[cut] = 0;
    const char *meant = str_suggest(given, names, n);
    td_err(err, 0, "%s has no option --%.*s%s%s%s", cmd->name, (int)len, name,
           meant ? "; did you mean --" : "", meant ? meant : "", meant ? "?" : "");
    return NULL;
}

static const struct opt *find_letter(const struct command *cmd, char letter, struct td_err *err)
{
    const struct opt *opts[MAX_OPTS];
    size_t n = all_opts(cmd, true, opts);
    for (size_t i = 0; i < n; i++)
        if (opts[i]->letter == letter)
            return opts[i];
    td_err(err, 0, "%s has no option -%c", cmd->name, letter);
    return NULL;
}

static int set_choice(int64_t *to, const struct opt *o, const char *value, struct td_err *err)
{
    char allowed[256] = "";
    size_t n = 0;
    for (; o->choices[n]; n++) {
        if (str_eq(o->choices[n], value)) {
            *to = (int64_t)n;
            return 0;
        }
        size_t len = strlen(allowed);
        snprintf(allowed + len, sizeof allowed - len, "%s%s", n ? ", " : "", o->choices[n]);
    }
    const char *meant = str_suggest(value, o->choices, n);
    return td_err(err, -EINVAL, "--%s is one of %s, not %s%s%s%s", o->name, allowed, value,
                  meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

static int set_number(int64_t *to, const struct opt *o, const char *value, struct td_err *err)
{
    int64_t v;
    if (str_to_i64(value, &v) < 0 || v < 1 || v > o->max)
        return td_err(err, -EINVAL, "--%s is a number from 1 to %lld, not %s", o->name,
                      (long long)o->max, value);
    *to = v;
    return 0;
}

static int add_tag(struct args *a, const char *value, struct td_err *err)
{
    if (a->n_tags == LIMIT_TAGS)
        return td_err(err, -EINVAL, "more than %d tags", LIMIT_TAGS);
    if (strchr(value, '\n'))
        return td_err(err, -EINVAL, "a tag is one line");
    a->tags[a->n_tags++] = value;
    return 0;
}

/* VALUE is NULL for a flag. */
static int set(struct args *a, const struct opt *o, const char *value, int64_t now,
               struct td_err *err)
{
    void *to = (char *)a + o->offset;
    if (value && !*value)
        return td_err(err, -EINVAL, "--%s needs a value that is not empty", o->name);
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)to = true;
        return 0;
    case OPT_STRING:
        *(const char **)to = value;
        return 0;
    case OPT_NUMBER:
        return set_number(to, o, value, err);
    case OPT_CHOICE:
        return set_choice(to, o, value, err);
    case OPT_TAGS:
        return add_tag(a, value, err);
    case OPT_TIME:
        if (words_parse_time(value, now, to) < 0)
            return td_err(err, -EINVAL, "--%s is %s, not %s", o->name, WORDS_TIME_ALLOWED, value);
        return 0;
    case OPT_REST:
        break;
    }
    return -EINVAL;
}

/* Where the parser stands. */
struct walk {
    int argc, at;
    char **argv;
};

/* One option whose value, if it has one, is VALUE or the next word. */
static int take(struct args *a, struct walk *w, const struct opt *o, const char *value, int64_t now,
                struct td_err *err)
{
    if (o->kind == OPT_FLAG) {
        if (value)
            return td_err(err, -EINVAL, "--%s takes no value", o->name);
        return set(a, o, NULL, now, err);
    }
    if (o->kind == OPT_REST) {
        if (value || w->at == w->argc)
            return td_err(err, -EINVAL, "--%s is followed by %s", o->name, o->arg);
        *(char ***)(void *)((char *)a + o->offset) = w->argv + w->at;
        w->at = w->argc;
        return 0;
    }
    if (!value && w->at == w->argc)
        return td_err(err, -EINVAL, "--%s needs a value: %s", o->name, o->arg);
    return set(a, o, value ? value : w->argv[w->at++], now, err);
}

static int take_long(struct args *a, const struct command *cmd, struct walk *w, const char *word,
                     int64_t now, struct td_err *err)
{
    const char *eq = strchr(word, '=');
    const struct opt *o = find_long(cmd, word, eq ? (size_t)(eq - word) : strlen(word), err);
    return o ? take(a, w, o, eq ? eq + 1 : NULL, now, err) : -EINVAL;
}

/* "-x", "-xVALUE", "-xyz" for flags. */
static int take_letters(struct args *a, const struct command *cmd, struct walk *w, const char *word,
                        int64_t now, struct td_err *err)
{
    for (; *word; word++) {
        const struct opt *o = find_letter(cmd, *word, err);
        if (!o)
            return -EINVAL;
        if (o->kind != OPT_FLAG)
            return take(a, w, o, word[1] ? word + 1 : NULL, now, err);
        int r = take(a, w, o, NULL, now, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int count_operands(const struct args *a, const struct command *cmd, struct td_err *err)
{
    if (a->help || a->list_options)
        return 0;
    if (a->n_operands < cmd->min_operands)
        return td_err(err, -EINVAL, "%s needs %s", cmd->name, cmd->operands);
    if (cmd->max_operands >= 0 && a->n_operands > cmd->max_operands)
        return td_err(err, -EINVAL, "%s takes no such argument: %s", cmd->name,
                      a->operands[cmd->max_operands]);
    /* A script's variable that was never set is no feed, and no wish for all of them. (A query may
     * be empty: the arguments without a number.) */
    for (int i = 0; i < a->n_operands; i++)
        if (!*a->operands[i] && (cmd->max_operands >= 0 || i < cmd->min_operands))
            return td_err(err, -EINVAL, "%s takes %s, which may not be empty", cmd->name,
                          cmd->operands);
    return 0;
}

int args_parse(struct args *ret, const struct command *cmd, int argc, char **argv, int64_t now,
               struct td_err *err)
{
    struct args a = {.since = TD_NEVER, .until = TD_NEVER, .operands = argv};
    struct walk w = {.argc = argc, .argv = argv};
    bool only_operands = false;
    int r = 0;
    while (w.at < argc && r == 0) {
        char *word = argv[w.at++];
        if (only_operands || word[0] != '-' || !word[1])
            argv[a.n_operands++] = word; /* never beyond what was read already */
        else if (str_eq(word, "--"))
            only_operands = true;
        else if (word[1] == '-')
            r = take_long(&a, cmd, &w, word + 2, now, err);
        else
            r = take_letters(&a, cmd, &w, word + 1, now, err);
    }
    if (r == 0)
        r = count_operands(&a, cmd, err);
    if (r == 0)
        *ret = a;
    return r;
}

const struct command *args_command(const struct command *const *table, const char *name,
                                   struct td_err *err)
{
    const char *names[64];
    size_t n = 0;
    for (; table[n] && n < ARRAY_SIZE(names); n++) {
        if (str_eq(table[n]->name, name))
            return table[n];
        names[n] = table[n]->name;
    }
    const char *meant = str_suggest(name, names, n);
    td_err(err, 0, "no command %s%s%s%s", name, meant ? "; did you mean " : "", meant ? meant : "",
           meant ? "?" : "");
    return NULL;
}

/* ---- help ---------------------------------------------------------------------------------- */

static void add_opts(struct buf *out, const struct opt *o)
{
    for (; o && o->name; o++) {
        size_t start = out->len;
        if (o->letter)
            buf_addf(out, "  -%c, --%s", o->letter, o->name);
        else
            buf_addf(out, "      --%s", o->name);
        if (o->arg)
            buf_addf(out, " %s", o->arg);
        size_t width = out->len - start;
        buf_addf(out, "%*s%s\n", width < 28 ? (int)(28 - width) : 1, "", o->help);
    }
}

void args_help(struct buf *out, const struct command *cmd)
{
    buf_addf(out, "Usage: tidings %s [OPTION]...%s%s\n\n%s.\n", cmd->name,
             *cmd->operands ? " " : "", cmd->operands, cmd->help);
    if (cmd->details)
        buf_addf(out, "\n%s\n", cmd->details);
    buf_adds(out, "\nOptions:\n");
    add_opts(out, cmd->opts);
    add_opts(out, format_of(cmd));
    add_opts(out, common_opts);
    buf_adds(
        out,
        "\nWithout --socket, --store and --api: tidings.sock and tidings.db in the working "
        "directory if\n"
        "one is there and belongs to you or root, else /run/tidings/tidings.sock and\n"
        "/var/lib/tidings/tidings.db.\n"
        "\nExit status: 0 done; 64 wrong usage; 65 the data is damaged or not understood;\n"
        "66 no such file, store, feed or item; 69 the daemon does not answer; 70 internal\n"
        "error; 73 a file cannot be created; 74 reading or writing failed; 75 try again later;\n"
        "77 not allowed; 78 the config has errors. See tidings(1).\n");
}

void args_list_options(struct buf *out, const struct command *cmd)
{
    const struct opt *opts[MAX_OPTS];
    size_t n = all_opts(cmd, false, opts);
    for (size_t i = 0; i < n; i++) {
        const struct opt *o = opts[i];
        buf_addf(out, "--%s\t%s\t%s\t", o->name, o->arg ? o->arg : "", o->help);
        for (size_t c = 0; o->choices && o->choices[c]; c++)
            buf_addf(out, "%s%s", c ? " " : "", o->choices[c]);
        buf_addc(out, '\n');
    }
}
