// Builds the pages: `node build.mjs` → dist/<page>/; `--tests` → dist/tests/; `--out DIR` elsewhere; `--watch`.
// Nothing here reaches the network: all inputs are in the tree or in node_modules.
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const outAt = args.indexOf("--out");
const out = outAt < 0 ? join(here, "dist") : resolve(args[outAt + 1]);

const font = join(here, "node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2");
const pages = [
  {
    name: "manager",
    script: join(here, "manager/main.tsx"),
    style: join(here, "manager/manager.css"),
    head: {
      title: "Berth",
      icon: "logo.svg",
      noscript: "This page needs JavaScript. The command line does the same: berth status",
    },
    files: [join(here, "kit/logo.svg"), join(here, "manager/manager.png"), font],
  },
  {
    name: "notes",
    script: join(here, "../apps/notes/ui/main.tsx"),
    style: join(here, "../apps/notes/ui/notes.css"),
    head: { title: "Notes", icon: "notes.svg", noscript: "The boards need JavaScript." },
    files: [join(here, "../apps/notes/ui/notes.svg"), join(here, "../apps/notes/ui/notes.png"), font],
  },
];

const common = {
  bundle: true,
  format: "iife",
  target: ["chrome109", "firefox115", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".svg": "text" },
  // Pages of apps lie outside of this folder; their packages are ours.
  nodePaths: [join(here, "node_modules")],
  external: ["*.woff2"],
  legalComments: "none",
  minify: true,
  logLevel: "warning",
};

async function buildPage(page) {
  const folder = join(out, page.name);
  await mkdir(folder, { recursive: true });
  await Promise.all(
    page.files.map((file) =>
      copyFile(file, join(folder, file === font ? "inter.woff2" : relative(dirname(file), file))),
    ),
  );
  const values = { name: page.name, ...page.head };
  const frame = await readFile(join(here, "kit/page.htm"), "utf8");
  await writeFile(
    join(folder, `${page.name}.htm`),
    frame.replace(/\{(\w+)\}/g, (_, place) => values[place]),
  );
  const options = {
    ...common,
    entryPoints: { [page.name]: page.script, [`${page.name}.style`]: page.style },
    entryNames: "[name]",
    outdir: folder,
  };
  options.entryPoints = [
    { in: page.script, out: page.name },
    { in: page.style, out: page.name },
  ];
  if (args.includes("--watch")) await (await context(options)).watch();
  else await build(options);
}

async function buildTests() {
  const folder = join(out, "tests");
  await rm(folder, { recursive: true, force: true });
  const tests = (await readdir(join(here, "test"))).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    entryPoints: tests.map((name) => join(here, "test", name)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    target: "node18",
    mainFields: ["module", "main"],
    external: ["ws", "playwright-core"],
    minify: false,
    sourcemap: "inline",
  });
}

const only = args.includes("--page") ? args[args.indexOf("--page") + 1] : undefined;
for (const page of pages) if (only === undefined || page.name === only) await buildPage(page);
if (args.includes("--tests")) await buildTests();
