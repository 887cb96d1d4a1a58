/* Dublin Core 1.0 and 1.1, DC terms. */
#include "parse/read.h"

const struct rule rules_dublincore[] = {
    {NS_DC, "title", IN_FEED | IN_ITEM, F_TITLE, RANK_DC, as_text},
    {NS_DC, "creator", IN_FEED | IN_ITEM, F_AUTHORS, RANK_DC, as_person},
    {NS_DC, "author", IN_FEED | IN_ITEM, F_AUTHORS, RANK_DC, as_person},
    {NS_DC, "subject", IN_FEED | IN_ITEM, F_CATEGORIES, RANK_DC, as_category},
    {NS_DC, "description", IN_FEED, F_DESCRIPTION, RANK_DC, as_text},
    {NS_DC, "description", IN_ITEM, F_SUMMARY, RANK_DC, as_summary},
    {NS_DC, "publisher", IN_FEED | IN_ITEM, F_PUBLISHER, RANK_DC, as_person},
    {NS_DC, "contributor", IN_FEED | IN_ITEM, F_CONTRIBUTORS, RANK_DC, as_person},
    {NS_DC, "date", IN_ITEM, F_PUBLISHED, RANK_DC, as_date},
    {NS_DC, "date", IN_FEED | IN_ITEM, F_MODIFIED, RANK_DC, as_date},
    {NS_DC, "identifier", IN_ITEM, F_ID, RANK_DC, as_literal},
    {NS_DC, "language", IN_FEED | IN_ITEM, F_LANGUAGE, RANK_DC, as_literal},
    {NS_DC, "rights", IN_FEED | IN_ITEM, F_RIGHTS, RANK_DC, as_text},

    {NS_DCTERMS, "issued", IN_FEED | IN_ITEM, F_PUBLISHED, RANK_DCTERMS, as_date},
    {NS_DCTERMS, "created", IN_ITEM, F_PUBLISHED, RANK_LAST, as_date},
    {NS_DCTERMS, "modified", IN_FEED | IN_ITEM, F_MODIFIED, RANK_DCTERMS, as_date},
    {NS_DCTERMS, "license", IN_FEED | IN_ITEM, F_LICENSE, RANK_DCTERMS, as_href},
    /* the terms that repeat the elements: where both are there, they say the same */
    {NS_DCTERMS, "title", IN_FEED | IN_ITEM, F_TITLE, RANK_DC, as_text},
    {NS_DCTERMS, "creator", IN_FEED | IN_ITEM, F_AUTHORS, RANK_DC + 1, as_person},
    {NS_DCTERMS, "subject", IN_FEED | IN_ITEM, F_CATEGORIES, RANK_DC, as_category},
    {NS_DCTERMS, "description", IN_FEED, F_DESCRIPTION, RANK_DC, as_text},
    {NS_DCTERMS, "description", IN_ITEM, F_SUMMARY, RANK_DC, as_summary},
    {NS_DCTERMS, "abstract", IN_ITEM, F_SUMMARY, RANK_DC, as_summary},
    {NS_DCTERMS, "publisher", IN_FEED | IN_ITEM, F_PUBLISHER, RANK_DC, as_person},
    {NS_DCTERMS, "contributor", IN_FEED | IN_ITEM, F_CONTRIBUTORS, RANK_DC, as_person},
    {NS_DCTERMS, "date", IN_ITEM, F_PUBLISHED, RANK_DC, as_date},
    {NS_DCTERMS, "date", IN_FEED | IN_ITEM, F_MODIFIED, RANK_DC, as_date},
    {NS_DCTERMS, "identifier", IN_ITEM, F_ID, RANK_DC, as_literal},
    {NS_DCTERMS, "language", IN_FEED | IN_ITEM, F_LANGUAGE, RANK_DC, as_literal},
    {NS_DCTERMS, "rights", IN_FEED | IN_ITEM, F_RIGHTS, RANK_DC, as_text},
    RULES_END,
};
