#include "manager/database/statistics.h"

namespace berth::manager {

loop::Task<void> analyze_own_tables(db::Database& database) {
  // A partitioned table brings its partitions along.
  co_await database.run_script(R"(DO $$
DECLARE relation regclass;
BEGIN
  FOR relation IN
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND NOT c.relispartition
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND pg_has_role(c.relowner, 'USAGE')
  LOOP
    EXECUTE 'ANALYZE ' || relation;
  END LOOP;
END $$)");
}

}  // namespace berth::manager
