/*
 * function_words.h - words that say nothing about a subject, as words.c cuts them.
 */
#ifndef TIDINGS_STORY_FUNCTION_WORDS_H
#define TIDINGS_STORY_FUNCTION_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Is HASH one of the commonest articles, prepositions, pronouns and auxiliary verbs of some
 * twenty languages? Without them the first items of a new store would resemble each other by
 * "the" and "of". */
bool story_is_function_word(uint32_t hash);

#endif
