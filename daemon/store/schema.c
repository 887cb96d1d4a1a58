#include "store/schema.h"

#include "base/mem.h"
#include "store/schema_sql.h"

static const struct schema_step steps[] = {
    {"making the store", schema_v1},
    {"addresses, push and events of feeds", schema_v2},
    {"subscriptions", schema_v3},
    {"what servers have taught", schema_v4},
    {"what queries look at", schema_v5},
    {"what did not come", schema_v6},
    {"stories", schema_v7},
};

const struct schema_step *schema_step(int version)
{
    return version >= 0 && version < (int)ARRAY_SIZE(steps) ? &steps[version] : NULL;
}

int schema_version(void)
{
    return (int)ARRAY_SIZE(steps);
}
