#include "parse/xml_soup.h"

#include "parse/text.h"

static void decode(struct soup *s, struct slice in, emit_fn *emit, int depth);

static bool expand_entity(struct soup *s, struct slice name, emit_fn *emit, int depth)
{
    for (unsigned i = 0; i < s->n_entities; i++) {
        if (s->entities[i].name.n != name.n || memcmp(s->entities[i].name.p, name.p, name.n) != 0)
            continue;
        s->expanded += s->entities[i].value.n;
        if (depth >= LIMIT_ENTITY_DEPTH || s->expanded > LIMIT_EXPANSION_BYTES) {
            s->repairs |= REPAIR_EXPANSION;
            tree_drop(s->t);
        } else {
            decode(s, s->entities[i].value, emit, depth + 1);
        }
        return true;
    }
    return false;
}

static bool is_predefined(struct slice name)
{
    return (name.n == 2 && (slice_is(name, "lt") || slice_is(name, "gt"))) ||
           (name.n == 3 && slice_is(name, "amp")) ||
           (name.n == 4 && (slice_is(name, "quot") || slice_is(name, "apos")));
}

/* The reference at P ('&'): its length, 0 when it is none. */
static size_t reference(struct soup *s, const char *p, const char *end, emit_fn *emit, int depth)
{
    const char *q = p + 1;
    char out[TEXT_REF_BYTES];
    size_t n, len;
    if (q < end && *q == '#') {
        n = text_ref(p, (size_t)(end - p), false, out, &len);
        if (n)
            emit(s, out, len);
        return n;
    }
    while (q < end && is_name(*q))
        q++;
    if (q == p + 1 || q == end || *q != ';')
        return 0;
    struct slice name = {p + 1, (size_t)(q - p - 1)};
    if (!expand_entity(s, name, emit, depth)) {
        const char *text = text_entity(name.p, name.n);
        if (!text)
            return 0;
        emit(s, text, strlen(text));
        if (!is_predefined(name))
            s->repairs |= REPAIR_ENTITY;
    }
    return (size_t)(q + 1 - p);
}

static void decode(struct soup *s, struct slice in, emit_fn *emit, int depth)
{
    const char *p = in.p, *end = in.p + in.n;
    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p));
        if (!amp)
            amp = end;
        soup_emit_raw(s, (struct slice){p, (size_t)(amp - p)}, emit);
        p = amp;
        if (p == end)
            break;
        size_t n = reference(s, p, end, emit, depth);
        if (n == 0) {
            emit(s, "&", 1);
            s->repairs |= REPAIR_AMPERSAND;
            n = 1;
        }
        p += n;
    }
}

void soup_decode(struct soup *s, struct slice in, emit_fn *emit)
{
    decode(s, in, emit, 0);
}

/* <!ENTITY name "value"> between P and END; external and parameter entities are passed over. */
void soup_entities(struct soup *s, const char *p, const char *end)
{
    while ((p = find(p, end, "<!ENTITY"))) {
        p += 8;
        while (p < end && is_space(*p))
            p++;
        struct slice name = {p, 0};
        while (p < end && is_name(*p))
            p++;
        name.n = (size_t)(p - name.p);
        while (p < end && is_space(*p))
            p++;
        if (p >= end || (*p != '"' && *p != '\'') || !name.n)
            continue;
        const char *q = memchr(p + 1, *p, (size_t)(end - p - 1));
        if (!q || s->n_entities == LIMIT_ENTITIES)
            return;
        s->entities[s->n_entities].name = name;
        s->entities[s->n_entities++].value = (struct slice){p + 1, (size_t)(q - p - 1)};
        p = q + 1;
    }
}
