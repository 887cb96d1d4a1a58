/* Prints all keys of feeds.conf as the daemon knows them, for conf_man.py. */
#include <stdio.h>

#include "config/settings.h"

int main(void)
{
    CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
    settings_describe(&b);
    return fputs(buf_str(&b), stdout) < 0;
}
