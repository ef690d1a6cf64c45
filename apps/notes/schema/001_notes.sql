-- Boards, the notes on them, and files attached to notes. Ids are made by the clients (UUID v4), so a request may be
-- repeated. What is removed keeps its row for 7 days, for undo.

CREATE TABLE board (
  id uuid PRIMARY KEY,
  title text NOT NULL,
  position double precision NOT NULL,
  removed timestamptz
);

CREATE TABLE note (
  id uuid PRIMARY KEY,
  board uuid NOT NULL REFERENCES board ON DELETE CASCADE,
  text text NOT NULL,
  color text NOT NULL,
  position double precision NOT NULL,
  author text NOT NULL,
  created timestamptz NOT NULL DEFAULT now(),
  changed_by text NOT NULL,
  changed timestamptz NOT NULL DEFAULT now(),
  revision bigint NOT NULL DEFAULT 1,
  removed timestamptz,
  -- went with its board, and comes back with it
  removed_with_board boolean NOT NULL DEFAULT false
);
CREATE INDEX note_board ON note (board);

-- The bytes of a file, in parts of 256 KiB, the last one shorter. Written part by part while they arrive; what no file
-- points to is left from an upload that did not end.
CREATE TABLE content (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  started timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE content_part (
  content uuid NOT NULL REFERENCES content ON DELETE CASCADE,
  part integer NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (content, part)
);
-- Mostly pictures and archives: packing them again only costs time.
ALTER TABLE content_part ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE file (
  id uuid PRIMARY KEY,
  note uuid NOT NULL REFERENCES note ON DELETE CASCADE,
  name text NOT NULL,
  type text NOT NULL,
  size bigint NOT NULL,
  content uuid NOT NULL UNIQUE REFERENCES content,
  added_by text NOT NULL,
  added timestamptz NOT NULL DEFAULT now(),
  removed timestamptz
);
CREATE INDEX file_note ON file (note);
