#include "store/schema.h"

#include "base/mem.h"
#include "store/schema_sql.h"

static const struct schema_step steps[] = {
    {"making the store", schema_v1},
    {"adding addresses and events of feeds", schema_v2},
    {"adding subscriptions", schema_v3},
    {"adding what servers teach", schema_v4},
    {"adding what queries look at", schema_v5},
    {"adding events of silence", schema_v6},
    {"adding stories", schema_v7},
    {"letting items wait for their stories", schema_v8},
    {"cutting scripts without spaces", schema_v9},
    {"giving polls a table of their own", schema_v10},
};

const struct schema_step *schema_step(int version)
{
    return version >= 0 && version < (int)ARRAY_SIZE(steps) ? &steps[version] : NULL;
}

int schema_version(void)
{
    return (int)ARRAY_SIZE(steps);
}
