/*
 * script.h - what must be known of writing systems in more than one place. Pure.
 */
#ifndef TIDINGS_BASE_SCRIPT_H
#define TIDINGS_BASE_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

/* Does code point C belong to a script that writes words without spaces between them (Han, Kana,
 * Thai, Lao, Khmer, Burmese; Hangul, which writes its particles so)? Words are then looked for by
 * pairs of characters. */
static inline bool script_is_unspaced(uint32_t c)
{
    return (c >= 0x0E00 && c <= 0x0EFF) ||                                 /* Thai, Lao */
           (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF) || /* Burmese, Khmer */
           (c >= 0x3005 && c <= 0x3007) || (c >= 0x3041 && c <= 0x30FF && c != 0x30FB) ||
           (c >= 0x31F0 && c <= 0x31FF) || (c >= 0x3400 && c <= 0x9FFF) ||
           (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x20000 && c <= 0x3FFFF);
}

#endif
