/* Bodies beside a summary: the content module and XHTML in an item. */
#include "parse/read.h"

const struct rule rules_content[] = {
    {NS_CONTENT, "encoded", IN_ITEM, F_CONTENT_HTML, RANK_RSS + 5, as_content},
    {NS_XHTML, "body", IN_ITEM, F_CONTENT_HTML, RANK_RSS + 6, as_content},
    {NS_XHTML, "div", IN_ITEM, F_CONTENT_HTML, RANK_RSS + 7, as_content},
    RULES_END,
};
