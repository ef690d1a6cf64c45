// Compiles each *.test.ts here and in conformance/ to dist/NAME.test.mjs, where node --test takes them.
// Type stripping is not there on Node 18, so esbuild does it; types are checked by `npm run check`.
import { build } from "esbuild";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "dist");
rmSync(out, { recursive: true, force: true });
await build({
  absWorkingDir: here,
  entryPoints: [".", "conformance"].flatMap((folder) =>
    readdirSync(join(here, folder))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name)),
  ),
  outdir: out,
  entryNames: "[name]",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  target: "node18",
  format: "esm",
  sourcemap: "inline",
  logLevel: "warning",
});
