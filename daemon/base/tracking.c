#include "base/tracking.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

bool url_is_tracking(const char *s, size_t n)
{
    static const char *const exact[] = {
        "fbclid",     "gclid",       "gclsrc",     "dclid",         "msclkid",     "yclid",
        "twclid",     "ttclid",      "igshid",     "igsh",          "mc_cid",      "mc_eid",
        "mkt_tok",    "_hsenc",      "_hsmi",      "ref_src",       "ref_url",     "cmpid",
        "ncid",       "ocid",        "sr_share",   "s_cid",         "trk",         "vero_id",
        "wickedid",   "xtor",        "smid",       "at_medium",     "at_campaign", "wt_mc",
        "oly_enc_id", "oly_anon_id", "guccounter", "fb_action_ids", "fb_ref",      "fb_source",
    };
    static const char *const prefixes[] = {"utm_",    "pk_",  "piwik_", "mtm_",
                                           "matomo_", "hsa_", "stm_",   "itm_"};
    size_t len = 0;
    while (len < n && s[len] != '=')
        len++;
    for (size_t i = 0; i < ARRAY_SIZE(exact); i++)
        if (strlen(exact[i]) == len && strncasecmp(s, exact[i], len) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (len >= strlen(prefixes[i]) && strncasecmp(s, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}
