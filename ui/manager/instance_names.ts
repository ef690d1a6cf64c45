// How names of an instance become a path and a database, and which names work: the form says it while one types,
// the manager decides (`SuggestInstance`).

/** PostgreSQL cuts names longer than this (NAMEDATALEN - 1). */
export const kDatabaseNameBytes = 63;

const encoder = new TextEncoder();
/** Bytes in UTF-8: "ü" counts two. */
export const byteLength = (text: string) => encoder.encode(text).length;

export const databaseName = (name: string, domain: string) => `${domain}_${name}`;
export const instancePath = (name: string, domain: string) => (domain ? `/${domain}/${name}` : `/${name}`);

export interface NameCheck {
  database: string;
  path: string;
  bytes: number;
  /** The manager will shorten it: the front, "_" and digits of a hash. */
  tooLong: boolean;
  /** A letter counted more than one byte: then the number surprises people. */
  wide: boolean;
}

export function checkNames(name: string, domain: string): NameCheck {
  const database = databaseName(name, domain);
  const bytes = byteLength(database);
  return {
    database,
    path: instancePath(name, domain),
    bytes,
    tooLong: bytes > kDatabaseNameBytes,
    wide: bytes !== [...database].length,
  };
}
