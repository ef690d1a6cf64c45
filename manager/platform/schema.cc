#include "manager/platform/schema.h"

namespace berth::manager {

std::vector<db::Migration> manager_migrations() {
  std::vector<db::Migration> all;
  all.push_back({1, "settings, services, instances, jobs, domains", R"sql(
-- The original's table: only values that differ from their default have a row.
CREATE TABLE IF NOT EXISTS config (
  name text PRIMARY KEY CHECK (length(name) <= 255),
  value text NOT NULL,
  unmanaged boolean NOT NULL DEFAULT false
);

-- Users of services: one uid each, never given twice.
CREATE SEQUENCE service_uid MINVALUE 70001 MAXVALUE 99999 START 70001;

CREATE TABLE service (
  id text PRIMARY KEY,
  title text NOT NULL,
  manufacturer text NOT NULL,
  folder text NOT NULL,
  program text NOT NULL,                 -- file name of the binary
  version text NOT NULL,                 -- release, "13r1"
  build text NOT NULL,
  label text NOT NULL,
  signer text,                           -- id of the key; null: unsigned
  uid integer NOT NULL UNIQUE,
  wanted boolean NOT NULL DEFAULT true,  -- an admin wants it to run
  hello jsonb NOT NULL DEFAULT '{}',     -- apps and plugins as it told them last
  store jsonb NOT NULL DEFAULT '{}',     -- its entry in the store
  installed timestamptz NOT NULL DEFAULT now()
);

-- The binaries, so that a standby or a new disk has them too (S158). `build` apart from service.build:
-- while an update is made both are here.
CREATE TABLE service_file (
  service text NOT NULL REFERENCES service ON DELETE CASCADE,
  build text NOT NULL,
  name text NOT NULL,
  mode integer NOT NULL,
  size bigint NOT NULL,
  sha256 text NOT NULL,
  PRIMARY KEY (service, build, name)
);
CREATE TABLE service_chunk (
  service text NOT NULL,
  build text NOT NULL,
  name text NOT NULL,
  number integer NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (service, build, name, number),
  FOREIGN KEY (service, build, name) REFERENCES service_file ON DELETE CASCADE
);
ALTER TABLE service_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;  -- binaries hardly shrink

CREATE TABLE instance (
  name text NOT NULL,
  domain text NOT NULL,
  service text NOT NULL REFERENCES service,
  path text NOT NULL UNIQUE,
  password text NOT NULL,                -- sealed
  database text NOT NULL UNIQUE,
  database_user text NOT NULL,
  database_host text NOT NULL DEFAULT '',
  database_password text NOT NULL,       -- sealed
  log_flags numeric(20) NOT NULL,
  exclude_from_backup boolean NOT NULL DEFAULT false,
  wanted boolean NOT NULL DEFAULT true,
  is_made boolean NOT NULL DEFAULT false,  -- false until its database is there
  created timestamptz NOT NULL DEFAULT now(),
  deleted timestamptz,                   -- in the bin since
  purge timestamptz,                     -- gone for good after
  PRIMARY KEY (name, domain)
);
CREATE INDEX instance_service ON instance (service);

CREATE SEQUENCE job_id;
CREATE TABLE job (
  id bigint PRIMARY KEY,
  kind text NOT NULL,
  title text NOT NULL,
  target text NOT NULL,
  phase text NOT NULL,                   -- waiting, forward, backward, done, failed, cancelled
  step integer NOT NULL,
  data jsonb NOT NULL,
  asked_by text NOT NULL,
  created timestamptz NOT NULL DEFAULT now(),
  started timestamptz,
  ended timestamptz,
  error text,
  error_code text,
  result jsonb,
  steps integer NOT NULL DEFAULT 0
);
CREATE INDEX job_unfinished ON job (id) WHERE ended IS NULL;
CREATE TABLE job_log (
  job bigint NOT NULL REFERENCES job ON DELETE CASCADE,
  at timestamptz NOT NULL DEFAULT now(),
  text text NOT NULL
);
CREATE INDEX job_log_job ON job_log (job, at);

-- PBX domains that registered themselves for access (manager-domain).
CREATE TABLE registered_domain (
  domain text PRIMARY KEY,
  password text NOT NULL,                -- sealed
  registered timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE user_agreement (
  domain text PRIMARY KEY,
  accepted_by text NOT NULL,
  accepted timestamptz NOT NULL DEFAULT now()
);
)sql"});
  all.push_back({2, "when an instance was backed up", R"sql(
ALTER TABLE instance ADD COLUMN backed_up timestamptz;  -- its last complete backup
)sql"});
  all.push_back({3, "data that were replaced", R"sql(
-- The databases from before a restore (or before the undo of one); until `purge` they can be brought back.
CREATE TABLE kept_data (
  id bigint PRIMARY KEY,                 -- of the job that replaced them
  name text NOT NULL,
  domain text NOT NULL,
  database text NOT NULL UNIQUE,
  replaced timestamptz NOT NULL DEFAULT now(),
  purge timestamptz NOT NULL,
  FOREIGN KEY (name, domain) REFERENCES instance ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX kept_data_instance ON kept_data (name, domain);
)sql"});
  all.push_back({4, "the command file's memory", R"sql(
-- When each command did well for each database, and what it sends next.
CREATE TABLE command_memory (
  command text NOT NULL,                 -- SHA-256 of address, what and format
  target text NOT NULL,                  -- name@domain, or manager
  once text NOT NULL,
  done timestamptz NOT NULL,
  next_index integer NOT NULL,           -- of "#bn"
  PRIMARY KEY (command, target)
);
CREATE TABLE command_report (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),  -- one row
  report jsonb NOT NULL                  -- api::CommandFileReport
);
)sql"});
  all.push_back({5, "care of the databases", R"sql(
-- Size of each instance's database by day (UTC), thinned out to months.
CREATE TABLE database_size (
  name text NOT NULL,
  domain text NOT NULL,
  day date NOT NULL,
  bytes bigint NOT NULL,
  PRIMARY KEY (name, domain, day),
  FOREIGN KEY (name, domain) REFERENCES instance ON UPDATE CASCADE ON DELETE CASCADE
);
-- The last runs of the nightly optimisation.
CREATE TABLE optimisation (
  job bigint PRIMARY KEY,
  night date,                            -- by the platform's zone; null: asked for by hand
  started timestamptz NOT NULL,
  ended timestamptz,
  databases integer NOT NULL DEFAULT 0,  -- done
  failures jsonb NOT NULL DEFAULT '[]'
);
)sql"});
  all.push_back({6, "external databases", R"sql(
-- Sealed: type, host, database, user and password of where the data are instead; database_host has the host in clear.
ALTER TABLE instance ADD COLUMN external text NOT NULL DEFAULT '';
)sql"});
  all.push_back({7, "backup sets", R"sql(
CREATE TABLE backup_target (
  name text PRIMARY KEY,
  kind text NOT NULL,
  place text NOT NULL,
  options jsonb NOT NULL,
  secrets text NOT NULL,                 -- sealed: a JSON object
  append_only boolean NOT NULL,
  created timestamptz NOT NULL DEFAULT now(),
  made timestamptz,                      -- since when a repository is there
  tested timestamptz,                    -- the last try of anything there
  error text NOT NULL DEFAULT ''         -- of that try; empty: it went well
);
CREATE TABLE backup_policy (
  name text PRIMARY KEY,
  target text NOT NULL REFERENCES backup_target ON UPDATE CASCADE,
  scope text NOT NULL,                   -- all, domain, instance, manager
  instance text NOT NULL DEFAULT '',
  domain text NOT NULL DEFAULT '',
  excluded jsonb NOT NULL DEFAULT '[]',  -- name@domain
  schedule text NOT NULL,
  keep text NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  verify boolean NOT NULL DEFAULT true,
  created timestamptz NOT NULL DEFAULT now(),
  due timestamptz                        -- null: never
);
-- Policies and targets may be gone: their sets stay.
CREATE TABLE backup_set (
  id text PRIMARY KEY,                   -- sorts by time
  policy text NOT NULL,
  target text NOT NULL,
  job text NOT NULL,
  state text NOT NULL,                   -- running, good, partial, failed, damaged
  started timestamptz NOT NULL DEFAULT now(),
  ended timestamptz,
  verified timestamptz,
  manifest text NOT NULL DEFAULT '',
  error text NOT NULL DEFAULT ''
);
CREATE INDEX backup_set_policy ON backup_set (policy, id);
CREATE TABLE backup_item (
  set text NOT NULL REFERENCES backup_set ON DELETE CASCADE,
  name text NOT NULL,
  domain text NOT NULL,                  -- empty: the manager's own database
  service text NOT NULL,
  build text NOT NULL,
  label text NOT NULL,
  path text NOT NULL,
  database text NOT NULL,
  estimate bigint NOT NULL,              -- bytes on disk when the set began
  object text NOT NULL DEFAULT '',       -- its id at the target
  bytes bigint NOT NULL DEFAULT 0,
  sha256 text NOT NULL DEFAULT '',
  rows jsonb NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'waiting', -- waiting, written, failed, damaged
  error text NOT NULL DEFAULT '',
  written timestamptz,
  verified timestamptz,
  PRIMARY KEY (set, name, domain)
);
CREATE INDEX backup_item_instance ON backup_item (name, domain, set);
-- What drills showed; outlives the sets.
CREATE TABLE backup_proof (
  name text NOT NULL,
  domain text NOT NULL,
  set text NOT NULL,                     -- of the last drill
  drilled timestamptz NOT NULL,
  error text NOT NULL DEFAULT '',        -- of the last drill; empty: it went well
  proven timestamptz,                    -- the last one that went well
  proven_ms bigint NOT NULL DEFAULT 0,   -- and how long that restore took
  PRIMARY KEY (name, domain)
);
)sql"});
  all.push_back({8, "instances that move", R"sql(
-- Whether it goes to, has gone to, or comes from another platform, and which; a JSON object, empty: nothing of that.
ALTER TABLE instance ADD COLUMN moved text NOT NULL DEFAULT '';
)sql"});
  all.push_back({9, "alarms", R"sql(
-- Alarms that are set, and for a while those that are over, and events.
CREATE TABLE alarm (
  id bigint PRIMARY KEY,                 -- given by the manager
  key text NOT NULL,                     -- whose and which
  code bigint NOT NULL,
  severity smallint NOT NULL,            -- 0 indeterminate, 1 major, 2 critical
  source text NOT NULL,
  text text NOT NULL,
  details text NOT NULL,
  fix text NOT NULL,
  command text NOT NULL,
  is_event boolean NOT NULL,
  mail_every bigint NOT NULL,            -- seconds; 0: one mail
  mail_after bigint NOT NULL,
  raised timestamptz NOT NULL,
  cleared timestamptz,
  count bigint NOT NULL,
  acknowledged_by text NOT NULL,
  acknowledged timestamptz,
  silenced_until timestamptz,
  told jsonb NOT NULL                    -- channel to seconds since 1970
);
CREATE INDEX alarm_set ON alarm (key) WHERE cleared IS NULL AND NOT is_event;
-- What the channels still have to be told, in order.
CREATE TABLE alarm_notice (
  id bigint PRIMARY KEY,
  channel text NOT NULL,
  alarm bigint NOT NULL REFERENCES alarm,
  notice text NOT NULL,                  -- set, repeat, clear, event
  made timestamptz NOT NULL
);
)sql"});
  all.push_back({11, "traces for a while", R"sql(
-- Trace flags that hold instead of the usual ones until a moment.
CREATE TABLE trace_switch (
  target text PRIMARY KEY,               -- name@domain, a service, or manager
  flags numeric NOT NULL,
  until timestamptz NOT NULL,
  by text NOT NULL
);
)sql"});
  all.push_back({12, "usage and limits", R"sql(
-- What each instance used on each day (by the platform's zone), also of those that are gone.
CREATE TABLE usage_day (
  day date NOT NULL,
  domain text NOT NULL,
  name text NOT NULL,
  service text NOT NULL,
  cpu_us bigint NOT NULL,
  memory_kib_seconds bigint NOT NULL,
  database_bytes bigint NOT NULL,        -- the most
  requests bigint NOT NULL,
  websocket_ms bigint NOT NULL,
  messages_in bigint NOT NULL,
  messages_out bigint NOT NULL,
  bytes_in bigint NOT NULL,
  bytes_out bigint NOT NULL,
  database_ms bigint NOT NULL,
  slowed bigint NOT NULL,
  refused bigint NOT NULL,
  PRIMARY KEY (day, domain, name)
) WITH (fillfactor = 70);                -- each is written every few minutes of its day
-- Which counters stand in usage_day already.
CREATE TABLE usage_state (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),  -- one row
  written bigint NOT NULL,               -- number of the last write: none is made twice
  marks jsonb NOT NULL
);
INSERT INTO usage_state (written, marks) VALUES (0, '{}');
-- What was set for an instance and for a domain; api::Limits, empty: nothing.
ALTER TABLE instance ADD COLUMN limits text NOT NULL DEFAULT '';
ALTER TABLE instance ADD COLUMN writable_until timestamptz;  -- though its database is above its limit
CREATE TABLE domain_limit (
  domain text PRIMARY KEY,
  limits text NOT NULL
);
)sql"});
  all.push_back({13, "instances in processes of their own", R"sql(
ALTER TABLE instance ADD COLUMN isolated boolean NOT NULL DEFAULT false;
)sql"});
  return all;
}

}  // namespace berth::manager
